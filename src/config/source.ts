/**
 * A YAML file as a plain value, and the place of everything in it. What YAML can say but a configuration should not
 * (tags, several documents, a key twice, aliases that multiply) becomes a complaint with its place.
 */

import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
} from "yaml";
import { type Complaint, formatPath, type Path, type Place, printable, quote } from "./complaint.ts";

export const FILE_BYTES_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 32;
/** Aliases stand for copies; a few lines of them can stand for more values than fit in memory. */
const ALIASED_VALUES_MAX = 100_000;

export interface Source {
  /** undefined when the file cannot be read as a value at all. */
  readonly value: unknown;
  readonly complaints: readonly Complaint[];
  /** Where the value of a path stands, or its nearest ancestor's; "key" for the place of the key instead. */
  place(path: Path, part?: "key" | "value"): Place;
  complaint(path: Path, text: string, part?: "key" | "value"): Complaint;
}

export function readSource(file: string | Uint8Array, fileName: string): Source {
  const reading = new Reading(fileName);
  const text = reading.decode(file);
  if (text !== undefined) reading.parse(text);
  return reading;
}

interface Standing {
  readonly node: unknown;
  /** In the text. */
  readonly offsets: { readonly key: number; readonly value: number };
}

class Reading implements Source {
  value: unknown = undefined;
  readonly complaints: Complaint[] = [];
  readonly #fileName: string;
  readonly #lines = new LineCounter();
  #contents: Node | undefined;
  readonly #anchors = new Map<string, Node>();
  /** A name may be given anew further down. */
  readonly #targets = new Map<Alias, Node>();
  /** Where the reading is. */
  readonly #path: (string | number)[] = [];
  #aliasedValues = 0;
  #refused = false;

  constructor(fileName: string) {
    this.#fileName = fileName;
  }

  /** Looked for when it is asked for: most files have no mistakes. */
  place(path: Path, part: "key" | "value" = "value"): Place {
    const root = this.#contents === undefined ? undefined : offsetOf(this.#contents);
    if (root === undefined) return { line: 1, column: 1 };
    let { node, offsets }: Standing = { node: this.#meant(this.#contents), offsets: { key: root, value: root } };
    for (const step of path) {
      const found = this.#childOf(node, step, offsets.value);
      // Of an ancestor only the value is near.
      if (found === undefined) return this.#placeAt(offsets.value);
      ({ node, offsets } = found);
    }
    return this.#placeAt(offsets[part]);
  }

  #childOf(node: unknown, step: string | number, near: number): Standing | undefined {
    if (isSeq(node) && typeof step === "number" && step < node.items.length) {
      const key = offsetOf(node.items[step]) ?? near;
      const child = this.#meant(node.items[step]);
      return { node: child, offsets: { key, value: offsetOf(child) ?? key } };
    }
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && nameOf(key) === step) : undefined;
    if (pair === undefined) return undefined;
    const key = offsetOf(pair.key) ?? 0;
    const child = this.#meant(pair.value);
    return { node: child, offsets: { key, value: offsetOf(child) ?? key } };
  }

  #meant(node: unknown): unknown {
    let meant = node;
    // An alias may stand for another; names are given before they are used, so there is an end.
    while (isAlias(meant)) {
      const target = this.#targets.get(meant);
      if (target === undefined) return meant;
      meant = target;
    }
    return meant;
  }

  complaint(path: Path, text: string, part: "key" | "value" = "value"): Complaint {
    // Messages of the system and of libraries quote the file as it is.
    return { fileName: this.#fileName, ...this.place(path, part), path: formatPath(path), text: printable(text) };
  }

  decode(file: string | Uint8Array): string | undefined {
    const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
    if (bytes.length > FILE_BYTES_MAX) {
      this.#complainAt({ line: 1, column: 1 }, `the file has ${bytes.length} bytes; at most ${FILE_BYTES_MAX} (4 MiB) are read`);
      return undefined;
    }
    if (typeof file === "string") return file;
    const bad = badUtf8(bytes);
    if (bad === undefined) return new TextDecoder().decode(bytes);
    this.#complainAt(bad, "not UTF-8 text; save the file in the encoding UTF-8");
    return undefined;
  }

  parse(text: string): void {
    let document: ReturnType<typeof parseDocument>;
    try {
      document = parseDocument(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        uniqueKeys: false,
        logLevel: "error",
        version: "1.2",
      });
    } catch (error) {
      // The parser recurses: a file of brackets alone exhausts its stack.
      const reason = error instanceof RangeError ? "nested too deeply" : String(error);
      this.#complainAt({ line: 1, column: 1 }, `not valid YAML: ${reason}`);
      return;
    }
    this.#complainOfSyntax(document.errors);
    if (this.complaints.length > 0) return;
    if (document.contents === null || document.contents === undefined) return;
    this.#contents = document.contents;
    const value = this.#valueOf(document.contents, false);
    // With a part refused, complaints about the rest would be about a file that nobody wrote.
    if (!this.#refused) this.value = value;
  }

  #complainOfSyntax(errors: readonly YAMLError[]): void {
    let line = 0;
    for (const error of errors) {
      const place = this.#placeAt(error.pos[0]);
      // One slip makes the parser stumble several times over the same line.
      if (place.line === line) continue;
      line = place.line;
      this.#complainAt(place, syntaxText(error));
    }
  }

  #valueOf(node: unknown, aliased: boolean): unknown {
    if (this.#path.length > DEPTH_MAX) return this.#refuse("nested too deeply");
    if (aliased && ++this.#aliasedValues > ALIASED_VALUES_MAX) {
      if (this.#aliasedValues > ALIASED_VALUES_MAX + 1) return undefined;
      return this.#refuse(`the aliases of this file stand for more than ${ALIASED_VALUES_MAX} values; write them out`);
    }
    if (isAlias(node)) return this.#aliasValue(node);
    if (isScalar(node) || isMap(node) || isSeq(node)) {
      if (node.tag !== undefined) return this.#refuse(`the tag ${quote(node.tag)} means nothing here; leave it out`);
      if (!aliased && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item, i) => this.#at(i, item, aliased));
    return isMap(node) ? this.#mapping(node.items, aliased) : null;
  }

  #at(step: string | number, node: unknown, aliased: boolean): unknown {
    this.#path.push(step);
    const value = this.#valueOf(node, aliased);
    this.#path.pop();
    return value;
  }

  #aliasValue(alias: Alias): unknown {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) return this.#refuse(`nothing before this is named &${printable(alias.source)}`);
    this.#targets.set(alias, target);
    return this.#valueOf(target, true);
  }

  #mapping(pairs: readonly Pair[], aliased: boolean): unknown {
    // No prototype: the file may well have a key "__proto__".
    const mapping: Record<string, unknown> = Object.create(null);
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? nameOf(key) : undefined;
      if (name === undefined) this.#complainAt(this.#placeAt(offsetOf(key) ?? 0), "a key should be a word", [...this.#path]);
      else if (!Object.hasOwn(mapping, name)) mapping[name] = this.#at(name, value, aliased);
      else this.#complainTwice(name, offsetOf(key) ?? 0);
    }
    return mapping;
  }

  #complainTwice(name: string, offset: number): void {
    const path = [...this.#path, name];
    const first = this.place(path, "key");
    this.#complainAt(this.#placeAt(offset), `the key stands here twice, first at ${first.line}:${first.column}`, path);
  }

  #refuse(text: string): undefined {
    this.#refused = true;
    this.complaints.push(this.complaint([...this.#path], text));
    return undefined;
  }

  #complainAt(place: Place, text: string, path: Path = []): void {
    this.complaints.push({ fileName: this.#fileName, ...place, path: formatPath(path), text });
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function syntaxText({ code, message }: YAMLError): string {
  // The message may quote the file as it is.
  return SYNTAX_TEXTS[code]?.(printable(message)) ?? `not valid YAML: ${printable(message)}`;
}

/** Where the library's own words would not help. */
const SYNTAX_TEXTS: Partial<Record<YAMLError["code"], (message: string) => string>> = {
  TAB_AS_INDENT: () => "not valid YAML: a tab cannot indent; use spaces",
  MULTIPLE_DOCS: () => "a second document begins here; a configuration is one document, without ---",
  BLOCK_AS_IMPLICIT_KEY: hintAtColon,
  MULTILINE_IMPLICIT_KEY: hintAtColon,
  RESOURCE_EXHAUSTION: () => "not valid YAML: nested too deeply",
};

function hintAtColon(message: string): string {
  return `not valid YAML: ${message} (an IPv6 address that ends with a colon needs quotes)`;
}

/** undefined: that is no word. */
function nameOf({ value }: Scalar): string | undefined {
  return value === null || typeof value === "object" ? undefined : `${value as string | number | boolean | bigint}`;
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

/** The place of the first byte that is not UTF-8. */
function badUtf8(bytes: Uint8Array): Place | undefined {
  if (isUtf8(bytes)) return undefined;
  let line = 1;
  for (let from = 0; from <= bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, from);
    const until = newline === -1 ? bytes.length : newline;
    const slice = bytes.subarray(from, until);
    if (!isUtf8(slice)) return { line, column: new TextDecoder().decode(slice).indexOf("\ufffd") + 1 };
    from = until + 1;
  }
  return { line, column: 1 };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
