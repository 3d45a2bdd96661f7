/**
 * keepalived.conf before it has a meaning: included files in place, comments away, conditions judged, definitions replaced, sequences and
 * lists written out. What comes out are lines with the place where each stands, and that may be the body of a definition.
 */

import { printable, quote } from "../complaint.ts";
import { type FilePlace, withoutComment } from "./words.ts";

export interface Line {
  readonly text: string;
  readonly place: FilePlace;
}

export interface IncludedFile {
  readonly fileName: string;
  readonly text: string;
}

export interface Surroundings {
  /** What `@word` at the head of a line is compared with (keepalived -i). */
  readonly configId: string;
  /** The files that a name or a pattern stands for, in their order; or why there are none. Names are relative to the including file. */
  readonly include: (pattern: string, from: string) => readonly IncludedFile[] | string;
}

/** Lines of one file may stand for very many; more than this nobody wrote. */
const LINES_MAX = 200_000;
const CHARACTERS_MAX = 20_000_000;
const LINE_LENGTH_MAX = 65_536;
const DEPTH_MAX = 40;

const TEXT = {
  notFound: (name: string, why: string) => `the file ${quote(name)} cannot be included: ${why}`,
  noName: "that is no name of a file",
  tooDeep: "files, definitions and sequences are within each other more than forty deep; does one contain itself?",
  tooMany: `the file stands for more than ${LINES_MAX} lines; it is read up to here`,
  tooLong: `the line stands for more than ${LINE_LENGTH_MAX} characters`,
  chance: "a random number is another one at each start, so that there is no configuration to carry; write the number",
  sequence: "a sequence is written ~SEQ(NAME, first, step, last), with whole numbers and a step that leads to the last one",
  list: "a list is written ~LST(NAME, value, value) or ~LST({NAME, NAME}, {value, value}, {value, value})",
};

export interface Aside extends Line {
  readonly kind: "elsewhere" | "definition" | "unused definition" | "include";
}

export interface Reading {
  readonly lines: readonly Line[];
  /** Those that are no statements: for other machines, definitions, included files. */
  readonly asides: readonly Aside[];
}

export type ComplainAt = (place: FilePlace, text: string) => void;

export function readLines(file: IncludedFile, surroundings: Surroundings, complain: ComplainAt): Reading {
  const expansion = new Expansion(surroundings, complain);
  expansion.file(file, 0);
  return { lines: expansion.lines, asides: expansion.asides() };
}

/** One line, or the lines of a body. */
type Definition = readonly Line[];

class Expansion {
  readonly lines: Line[] = [];
  /** By their places: a body may stand in many. */
  readonly #asides = new Map<string, Aside>();
  readonly #surroundings: Surroundings;
  readonly #complain: ComplainAt;
  readonly #definitions = new Map<string, Definition>();
  readonly #definedAt = new Map<string, Line>();
  #characters = 0;
  #full = false;

  constructor(surroundings: Surroundings, complain: ComplainAt) {
    this.#surroundings = surroundings;
    this.#complain = complain;
  }

  file({ fileName: name, text }: IncludedFile, depth: number): void {
    const fileName = printable(name);
    const physical = text.split("\n");
    for (let i = 0; i < physical.length && !this.#full; i++) {
      const line = lineOf(physical[i] ?? "", { fileName, line: i + 1, column: 1 });
      if (line.text === "") continue;
      const included = /^include([rmwba]?)(?:\s+(.*))?$/.exec(line.text);
      if (included !== null) {
        this.#include(included[2] ?? "", line, depth);
        continue;
      }
      if (!/^(@\S+\s+)?\$\w+=/.test(line.text)) {
        this.#expand(line, depth);
        continue;
      }
      const body = [line];
      // A definition goes on while its lines end with a backslash; empty ones between do not end it.
      while (body.at(-1)?.text.endsWith("\\") && i + 1 < physical.length) {
        i++;
        const next = lineOf(physical[i] ?? "", { fileName, line: i + 1, column: 1 });
        if (next.text !== "") body.push(next);
      }
      this.#define(body);
    }
  }

  #include(name: string, line: Line, depth: number): void {
    if (depth >= DEPTH_MAX) {
      this.#stop(line.place, TEXT.tooDeep);
      return;
    }
    const pattern = name.trim().replace(/^"(.*)"$/, "$1");
    const found = pattern === "" || pattern !== printable(pattern) ? TEXT.noName : this.#surroundings.include(pattern, line.place.fileName);
    if (typeof found === "string") {
      this.#complain(line.place, TEXT.notFound(pattern, found));
      return;
    }
    this.#aside("include", line);
    for (const file of found) this.file(file, depth + 1);
  }

  asides(): readonly Aside[] {
    return [...this.#asides.values()];
  }

  #aside(kind: Aside["kind"], line: Line): void {
    this.#asides.set(`${line.place.fileName}:${line.place.line}`, { ...line, text: line.text.replace(/\s*\\$/, ""), kind });
  }

  /** A condition may stand before it. */
  #define([first, ...more]: readonly Line[]): void {
    if (first === undefined) return;
    const line = this.#forThisMachine(first);
    const [, name = "", value = ""] = /^\$(\w+)=(.*)$/s.exec(line?.text ?? "") ?? [];
    if (line === undefined || name === "") return;
    const body = [{ place: { ...line.place, column: line.place.column + name.length + 2 }, text: value }, ...more];
    const lines = body.map(({ text, place }) => ({ place, text: text.replace(/\\$/, "").trim() }));
    this.#definitions.set(name, more.length === 0 ? lines : lines.filter(({ text }) => text !== ""));
    this.#definedAt.set(name, line);
    this.#aside("unused definition", line);
  }

  #expand(line: Line, depth: number): void {
    if (this.#full) return;
    if (depth > DEPTH_MAX) {
      this.#stop(line.place, TEXT.tooDeep);
      return;
    }
    const meant = this.#forThisMachine(line);
    if (meant === undefined || meant.text === "") return;
    if (meant.text.length > LINE_LENGTH_MAX) this.#complain(meant.place, TEXT.tooLong);
    else if (/^\$\w+=/.test(meant.text)) this.#define([meant]);
    else if (/^~(SEQx?|LST)\(/.test(meant.text)) this.#repeat(meant, depth);
    else this.#replace(meant, depth);
  }

  /** `@id rest`, `@^id rest`. */
  #forThisMachine(line: Line): Line | undefined {
    const [whole, not, id, rest] = /^@(\^?)(\S*)\s*(.*)$/s.exec(line.text) ?? [];
    if (whole === undefined) return line;
    if ((id === this.#surroundings.configId) === (not === "^")) {
      this.#aside("elsewhere", line);
      return undefined;
    }
    return { text: rest ?? "", place: { ...line.place, column: line.place.column + whole.length - (rest ?? "").length } };
  }

  #repeat(line: Line, depth: number): void {
    const end = closing(line.text, line.text.indexOf("("));
    const kind = line.text.slice(1, line.text.indexOf("("));
    const parts = end < 0 ? [] : splitParts(line.text.slice(line.text.indexOf("(") + 1, end));
    const turns = kind === "LST" ? listTurns(parts) : sequenceTurns(parts, kind === "SEQx");
    if (turns === undefined) {
      this.#complain(line.place, kind === "LST" ? TEXT.list : TEXT.sequence);
      return;
    }
    const rest = { text: line.text.slice(end + 1).trimStart(), place: line.place };
    for (const turn of turns) {
      if (this.#full) return;
      for (const [name, text] of turn) this.#definitions.set(name, [{ text, place: line.place }]);
      this.#expand(rest, depth + 1);
    }
  }

  /** One definition after the other, from the left; what comes out may hold more. */
  #replace(line: Line, depth: number): void {
    let { text } = line;
    for (let from = 0, rounds = 0; ; rounds++) {
      const found = this.#nextName(text, from);
      if (found === undefined) break;
      if (rounds > LINES_MAX / 100 || text.length > LINE_LENGTH_MAX) {
        this.#complain(line.place, rounds > LINES_MAX / 100 ? TEXT.tooDeep : TEXT.tooLong);
        return;
      }
      const value = this.#valueOf(found.name, line);
      const [before, after] = [text.slice(0, found.start), text.slice(found.end)];
      if (value === undefined) from = found.end;
      else if (typeof value === "string") {
        text = before + value + after;
        // What comes from ${_HASH} and the like is not looked at again.
        from = found.name.startsWith("_") ? found.start + value.length : found.start;
      } else {
        // Each line of a body is one of its own; the first and the last meet what stands around the name.
        const whole = value.map((each, i) => ({
          place: each.place,
          text: (i === 0 ? before : "") + each.text + (i === value.length - 1 ? after : ""),
        }));
        if (before.trim() !== "" && whole[0] !== undefined) whole[0] = { ...whole[0], place: line.place };
        for (const each of whole) this.#expand(each, depth + 1);
        return;
      }
    }
    // A name may stand for a condition, a definition or a sequence.
    const trimmed = text.trim();
    if (trimmed !== line.text && /^([@~]|\$\w+=)/.test(trimmed)) this.#expand({ text: trimmed, place: line.place }, depth + 1);
    else this.#give({ text: trimmed, place: line.place });
  }

  /** `${NAME}`, or `$NAME` before a blank or a brace. */
  #nextName(text: string, from: number): { readonly name: string; readonly start: number; readonly end: number } | undefined {
    const pattern = /\$(?:\{(\w+(?: [^{}]*)?)\}|([A-Za-z_]\w*)(?![\w=]))/g;
    pattern.lastIndex = from;
    const found = pattern.exec(text);
    return found === null ? undefined : { name: found[1] ?? found[2] ?? "", start: found.index, end: pattern.lastIndex };
  }

  /** undefined: it is no definition, and stays as it is written. */
  #valueOf(name: string, { place }: Line): string | Definition | undefined {
    const [word = ""] = name.split(" ");
    if (word === "_RANDOM") {
      this.#complain(place, TEXT.chance);
      return "0";
    }
    const predefined = this.#predefined(word, place.fileName);
    if (predefined !== undefined) return predefined;
    const definition = this.#definitions.get(name);
    const definedAt = this.#definedAt.get(name);
    if (definedAt !== undefined) this.#aside("definition", definedAt);
    return definition?.length === 1 ? definition[0]?.text : definition;
  }

  #predefined(name: string, fileName: string): string | undefined {
    switch (name) {
      case "_PWD":
        return fileName.includes("/") ? fileName.slice(0, fileName.lastIndexOf("/")) || "/" : ".";
      case "_INSTANCE":
        return this.#surroundings.configId;
      case "_HASH":
        return "#";
      case "_BANG":
        return "!";
      default:
        return undefined;
    }
  }

  #give(line: Line): void {
    if (line.text === "") return;
    this.#characters += line.text.length;
    if (this.lines.length >= LINES_MAX || this.#characters > CHARACTERS_MAX) this.#stop(line.place, TEXT.tooMany);
    else this.lines.push(line);
  }

  #stop(place: FilePlace, text: string): void {
    if (!this.#full) this.#complain(place, text);
    this.#full = true;
  }
}

function lineOf(physical: string, place: FilePlace): Line {
  const text = withoutComment(physical);
  const trimmed = text.trimStart();
  return { text: trimmed, place: { ...place, column: 1 + text.length - trimmed.length } };
}

/** Of the parenthesis that opens at `from`; -1 when there is none. */
function closing(text: string, from: number): number {
  for (let at = from, depth = 0; at < text.length; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at;
  }
  return -1;
}

/** At commas outside of braces: "{A, B}, {1, 2}". */
function splitParts(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "{") depth++;
    if (character === "}") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

type Turn = readonly (readonly [name: string, text: string])[];

const NAME = /^[A-Za-z_]\w*$/;

/** NAME, last | NAME, first, last | NAME, first, step, last. */
function sequenceTurns([name = "", ...values]: readonly string[], hex: boolean): Turn[] | undefined {
  const numbers = values.map((value) => (/^-?(0x[0-9a-fA-F]+|\d+)$/.test(value) ? readNumber(value) : Number.NaN));
  const [one = Number.NaN, two, three] = numbers;
  const last = three ?? two ?? one;
  const first = two === undefined ? (one > 0 ? 1 : -1) : one;
  const step = three === undefined ? (last >= first ? 1 : -1) : (two ?? Number.NaN);
  const count = Math.floor((last - first) / step) + 1;
  if (!NAME.test(name) || numbers.length > 3 || !numbers.every(Number.isSafeInteger)) return undefined;
  if (step === 0 || !(count >= 1) || count > LINES_MAX) return undefined;
  return Array.from({ length: count }, (_, i) => [[name, (first + i * step).toString(hex ? 16 : 10)] as const]);
}

function readNumber(text: string): number {
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
}

function listTurns([head = "", ...values]: readonly string[]): Turn[] | undefined {
  const inBraces = (text: string) =>
    /^\{(.*)\}$/s
      .exec(text)?.[1]
      ?.split(",")
      .map((part) => part.trim());
  const names = inBraces(head) ?? [head];
  if (!names.every((name) => NAME.test(name)) || values.length === 0) return undefined;
  const turns = values.map((value) => (inBraces(head) === undefined ? [value] : inBraces(value)));
  if (!turns.every((turn) => turn?.length === names.length)) return undefined;
  return turns.map((turn) => names.map((name, i) => [name, turn?.[i] ?? ""] as const));
}
