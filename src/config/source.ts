/**
 * A YAML file as a plain value, and the place of everything in it. What YAML can say but a configuration should not
 * (tags, several documents, a key twice, aliases that multiply) becomes a complaint with its place.
 */

import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLError } from "yaml";
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

class Reading implements Source {
  value: unknown = undefined;
  readonly complaints: Complaint[] = [];
  readonly #fileName: string;
  readonly #lines = new LineCounter();
  readonly #offsets = new Map<string, { key: number; value: number }>();
  readonly #anchors = new Map<string, Node>();
  #aliasedValues = 0;
  #refused = false;

  constructor(fileName: string) {
    this.#fileName = fileName;
  }

  place(path: Path, part: "key" | "value" = "value"): Place {
    for (let length = path.length; length >= 0; length--) {
      const offsets = this.#offsets.get(formatPath(path.slice(0, length)));
      if (offsets !== undefined) return this.#placeAt(length === path.length ? offsets[part] : offsets.value);
    }
    return { line: 1, column: 1 };
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
    const value = this.#valueOf(document.contents, [], document.contents.range?.[0] ?? 0, false);
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

  #valueOf(node: unknown, path: Path, keyOffset: number, aliased: boolean): unknown {
    const offset = offsetOf(node) ?? keyOffset;
    this.#offsets.set(formatPath(path), { key: keyOffset, value: offset });
    if (path.length > DEPTH_MAX) return this.#refuse(path, "nested too deeply");
    if (aliased && ++this.#aliasedValues > ALIASED_VALUES_MAX) {
      if (this.#aliasedValues > ALIASED_VALUES_MAX + 1) return undefined;
      return this.#refuse(path, `the aliases of this file stand for more than ${ALIASED_VALUES_MAX} values; write them out`);
    }
    if (isAlias(node)) return this.#aliasValue(node, path, keyOffset);
    if (isScalar(node) || isMap(node) || isSeq(node)) {
      if (node.tag !== undefined) return this.#refuse(path, `the tag ${quote(node.tag)} means nothing here; leave it out`);
      if (!aliased && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    }
    if (isSeq(node)) return node.items.map((item, i) => this.#valueOf(item, [...path, i], offsetOf(item) ?? offset, aliased));
    if (isMap(node)) return this.#mapping(node.items, path, aliased);
    return isScalar(node) ? node.value : null;
  }

  #aliasValue(alias: Alias, path: Path, keyOffset: number): unknown {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) return this.#refuse(path, `nothing before this is named &${printable(alias.source)}`);
    return this.#valueOf(target, path, keyOffset, true);
  }

  #mapping(pairs: readonly Pair[], path: Path, aliased: boolean): unknown {
    // No prototype: the file may well have a key "__proto__".
    const mapping: Record<string, unknown> = Object.create(null);
    for (const { key, value } of pairs) {
      const keyOffset = offsetOf(key) ?? 0;
      if (!isScalar(key) || key.value === null || typeof key.value === "object") {
        this.#complainAt(this.#placeAt(keyOffset), "a key should be a word", path);
        continue;
      }
      const name = `${key.value as string | number | boolean | bigint}`;
      const whole = [...path, name];
      const first = Object.hasOwn(mapping, name) ? this.place(whole, "key") : undefined;
      if (first === undefined) mapping[name] = this.#valueOf(value, whole, keyOffset, aliased);
      else this.#complainAt(this.#placeAt(keyOffset), `the key stands here twice, first at ${first.line}:${first.column}`, whole);
    }
    return mapping;
  }

  #refuse(path: Path, text: string): undefined {
    this.#refused = true;
    this.complaints.push(this.complaint(path, text));
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
