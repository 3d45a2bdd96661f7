/** The values that statements of keepalived.conf have: numbers, switches, times, addresses. What is wrong is a mistake, with its place. */

import { type Address, parseAddress } from "../../model/address.ts";
import { EvenkeelError } from "../../model/error.ts";
import { quote } from "../complaint.ts";
import type { Account } from "./account.ts";
import type { Statement } from "./tree.ts";
import type { Word } from "./words.ts";

const SWITCHES: Readonly<Record<string, boolean>> = { on: true, true: true, yes: true, off: false, false: false, no: false };

const TEXT = {
  missing: (keyword: string) => `${keyword} has no value`,
  number: (text: string, least: number, greatest: number) => `${quote(text)} is not a whole number from ${least} to ${greatest}`,
  seconds: (text: string, least: number, greatest: number) => `${quote(text)} is not a number of seconds from ${least} to ${greatest}`,
  toggle: (text: string) => `${quote(text)} is not a switch; allowed: on, off, true, false, yes, no`,
  address: (text: string) => `${quote(text)} is not an IPv4 or IPv6 address`,
};

interface Bounds {
  readonly least: number;
  readonly greatest: number;
}

export class Values {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  /** The first word; a mistake when there is none. */
  word(statement: Statement): Word | undefined {
    const [first] = statement.words;
    if (first === undefined) this.#account.mistake(statement.place, TEXT.missing(statement.keyword));
    return first;
  }

  /** Of the statement that counts, which is the last one of several. */
  number(statement: Statement | undefined, bounds: Bounds): number | undefined {
    const word = statement === undefined ? undefined : this.word(statement);
    return word === undefined ? undefined : this.numberOf(word, bounds);
  }

  numberOf({ text, place }: Word, { least, greatest }: Bounds): number | undefined {
    const number = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= greatest) return number;
    this.#account.mistake(place, TEXT.number(text, least, greatest));
    return undefined;
  }

  /** Seconds with a fraction, as milliseconds. */
  milliseconds(statement: Statement | undefined, { least, greatest }: Bounds): number | undefined {
    const word = statement === undefined ? undefined : this.word(statement);
    if (word === undefined) return undefined;
    const seconds = /^\d{0,9}(\.\d{0,9})?$/.test(word.text) && /\d/.test(word.text) ? Number(word.text) : Number.NaN;
    if (seconds >= least && seconds <= greatest) return Math.round(seconds * 1000);
    this.#account.mistake(word.place, TEXT.seconds(word.text, least, greatest));
    return undefined;
  }

  /** The keyword alone means yes. */
  toggle(statement: Statement | undefined): boolean | undefined {
    const [word] = statement?.words ?? [];
    if (statement === undefined) return undefined;
    if (word === undefined) return true;
    if (Object.hasOwn(SWITCHES, word.text)) return SWITCHES[word.text];
    this.#account.mistake(word.place, TEXT.toggle(word.text));
    return undefined;
  }

  address(word: Word): Address | undefined {
    const address = tryAddress(word.text);
    if (address === undefined) this.#account.mistake(word.place, TEXT.address(word.text));
    return address;
  }
}

export function tryAddress(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof EvenkeelError) return undefined;
    throw error;
  }
}

/** The last one counts, as in keepalived. */
export function last(block: readonly Statement[] | undefined, ...keywords: readonly string[]): Statement | undefined {
  return block?.findLast(({ keyword }) => keywords.includes(keyword));
}

export function all(block: readonly Statement[] | undefined, ...keywords: readonly string[]): readonly Statement[] {
  return block?.filter(({ keyword }) => keywords.includes(keyword)) ?? [];
}

/** "6s", "2500ms": as evenkeel.yaml writes times. */
export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
