/**
 * A line of keepalived.conf, cut into words and braces as keepalived 2.2.7 cuts it: quotes of both kinds keep blanks, a backslash escapes,
 * and a brace that is neither quoted nor escaped always stands for itself. Comments are cut off before.
 */

import type { Place } from "../complaint.ts";

export interface FilePlace extends Place {
  readonly fileName: string;
}

export interface Word {
  readonly text: string;
  readonly place: FilePlace;
  /** It has quotes: of a script, all of it is the command with its arguments. */
  readonly quoted: boolean;
}

export type Token = ({ readonly kind: "word" } & Word) | { readonly kind: "open" | "close"; readonly place: FilePlace };

export interface Cut {
  readonly tokens: readonly Token[];
  /** Where a quote begins that does not end. */
  readonly unended?: FilePlace;
}

/** Without the comment that ends it, and without blanks at its end. */
export function withoutComment(line: string): string {
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? "";
    if (character === "\\") at++;
    else if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === "#" || character === "!") return line.slice(0, at).trimEnd();
  }
  return line.trimEnd();
}

/** `place` is that of the text's first character. */
export function cutLine(text: string, place: FilePlace): Cut {
  const tokens: Token[] = [];
  const placeAt = (offset: number): FilePlace => ({ ...place, column: place.column + offset });
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (isBlank(character)) at++;
    else if (character === "{" || character === "}") {
      tokens.push({ kind: character === "{" ? "open" : "close", place: placeAt(at) });
      at++;
    } else {
      const word = readWord(text, at);
      tokens.push({ kind: "word", text: word.text, quoted: word.quoted, place: placeAt(at) });
      if (word.unended !== undefined) return { tokens, unended: placeAt(word.unended) };
      at = word.end;
    }
  }
  return { tokens };
}

/** The words of a command in one text: "/bin/check 'two words' three". */
export function commandWords(text: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (isBlank(text[at] ?? "")) {
      at++;
      continue;
    }
    const word = readWord(text, at, "'", false);
    words.push(word.text);
    at = word.end;
  }
  return words;
}

interface ReadWord {
  readonly text: string;
  readonly quoted: boolean;
  readonly end: number;
  readonly unended?: number;
}

function readWord(line: string, start: number, quotes = "\"'", braces = true): ReadWord {
  let text = "";
  let quote = "";
  let quoteAt = start;
  let quoted = false;
  let at = start;
  while (at < line.length) {
    const character = line[at] ?? "";
    if (character === "\\" && at + 1 < line.length) {
      const escaped = readEscape(line, at + 1);
      text += escaped.text;
      at = escaped.end;
      continue;
    }
    if (quote !== "") {
      if (character === quote) quote = "";
      else text += character;
    } else if (quotes.includes(character)) {
      quote = character;
      quoteAt = at;
      quoted = true;
    } else if (isBlank(character) || (braces && (character === "{" || character === "}"))) break;
    else text += character;
    at++;
  }
  return { text, quoted, end: at, ...(quote === "" ? {} : { unended: quoteAt }) };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  E: "\u001b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** What stands after a backslash. */
function readEscape(line: string, at: number): { readonly text: string; readonly end: number } {
  const character = line[at] ?? "";
  const octal = /^[0-7]{1,3}/.exec(line.slice(at, at + 3))?.[0];
  if (octal !== undefined) return { text: String.fromCharCode(Number.parseInt(octal, 8) & 0xff), end: at + octal.length };
  const hex = character === "x" ? /^[0-9a-fA-F]{1,8}/.exec(line.slice(at + 1, at + 9))?.[0] : undefined;
  if (hex !== undefined) return { text: String.fromCharCode(Number.parseInt(hex, 16) & 0xff), end: at + 1 + hex.length };
  const control = character === "c" ? line[at + 1] : undefined;
  if (control !== undefined) return { text: String.fromCharCode(control.charCodeAt(0) & 0x1f), end: at + 2 };
  return { text: Object.hasOwn(ESCAPES, character) ? (ESCAPES[character] ?? character) : character, end: at + 1 };
}

function isBlank(character: string): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\v" || character === "\f";
}
