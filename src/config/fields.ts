/** The kinds of values a configuration holds, each as a zod type that says what is wrong and what is allowed. */

import * as z from "zod";
import { type Address, formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { describePrefix } from "../model/mark-rule.ts";
import type { Prefix } from "../model/plane.ts";
import { printable, quote } from "./complaint.ts";
import { didYouMean } from "./suggest.ts";

interface WholeNumber {
  /** "weight" */
  readonly noun: string;
  readonly least: number;
  readonly greatest: number;
}

export function wholeNumber({ noun, least, greatest }: WholeNumber) {
  const allowed = `a ${noun} is a whole number from ${least} to ${greatest}`;
  const wrongKind = ({ input }: { input?: unknown }) =>
    typeof input === "number" ? `${quote(input)} is not a whole number; ${allowed}` : `${quote(input)} is not a number; ${allowed}`;
  return z
    .number({ error: wrongKind })
    .int({ error: wrongKind })
    .min(least, { error: ({ input }) => `${quote(input)} is below ${least}, the least ${noun}` })
    .max(greatest, { error: ({ input }) => `${quote(input)} is above ${greatest}, the greatest ${noun}` });
}

/** 0 where every port is meant. */
export const port = wholeNumber({ noun: "port", least: 0, greatest: 65535 });

/** As a sysctl says it, or as YAML does. */
export const toggle = z
  .union([z.boolean(), z.literal(0), z.literal(1)], {
    error: ({ input }) => `${quote(input)} is neither on nor off; it is true or false, or 1 or 0`,
  })
  .transform((value) => value === true || value === 1);

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9}(?:\.\d{1,6})?) ?(ms|s|m|h|d)$/;

interface Duration {
  /** "interval" */
  readonly noun: string;
  readonly leastMs: number;
  readonly greatestMs: number;
}

/** "200ms", "5s", "2m", "1h", "1d", or a number of seconds; milliseconds when it is read. */
export function duration({ noun, leastMs, greatestMs }: Duration) {
  const written = (input: unknown) => `${quote(input)} is not a duration; write 200ms, 5s, 2m, 1h or 1d, or a number of seconds`;
  return z
    .union([z.string(), z.number()], { error: ({ input }) => written(input) })
    .transform((value, context): number => {
      const [, number, unit = "s"] = DURATION.exec(String(value)) ?? [];
      const ms = typeof value === "number" ? value * 1000 : Number(number) * (UNIT_MS[unit] ?? Number.NaN);
      const whole = Math.round(ms);
      if (whole >= leastMs && whole <= greatestMs) return whole;
      const message = Number.isNaN(ms)
        ? written(value)
        : `${quote(value)} is ${ms < leastMs ? "below" : "above"} ${formatDuration(ms < leastMs ? leastMs : greatestMs)}, the ${ms < leastMs ? "least" : "greatest"} ${noun}`;
      context.issues.push({ code: "custom", message, input: value });
      return z.NEVER;
    })
    .meta({ pattern: DURATION.source });
}

/** As a configuration says it: "200ms", "1.5s", "2m". */
export function formatDuration(ms: number): string {
  if (ms !== 0 && ms % 86_400_000 === 0) return `${ms / 86_400_000}d`;
  if (ms !== 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms !== 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms !== 0 && ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

/** 0 to 1. */
export function fraction(noun: string) {
  const error = ({ input }: { input?: unknown }) => `${quote(input)} is not a ${noun}; it is a number from 0 to 1`;
  return z.number({ error }).min(0, { error }).max(1, { error });
}

/** The path of a file, from the root on. */
export function filePath(what: string) {
  return z
    .string({ error: ({ input }) => `${quote(input)} is not ${what}; write the path of a file` })
    .regex(/^\/[^\0]{0,4094}$/, { error: ({ input }) => `${quote(input)} is not ${what}; its path begins with a slash` });
}

/** The program and its arguments; no shell is between. A text alone is the path of a program that gets none. */
export const command = z
  .union([z.string(), z.array(z.string())], {
    error: ({ input }) => `${quote(input)} is not a command; write [/path/of/program, argument]`,
  })
  .transform((value, context): readonly string[] => {
    const list = typeof value === "string" ? [value] : value;
    const [program] = list;
    const refusal =
      program === undefined || !program.startsWith("/")
        ? `${quote(program)} is not the path of a program; it begins with a slash`
        : list.some((part) => part.includes("\0"))
          ? "an argument has a zero byte"
          : typeof value === "string" && value.includes(" ")
            ? `${quote(value)} has a space; write the program and its arguments as a list: [${value.split(/ +/).join(", ")}]`
            : undefined;
    if (refusal !== undefined) context.issues.push({ code: "custom", message: printable(refusal), input: value });
    return list;
  });

/** Of the operating system; a number is one without a name. */
export function account(noun: "user" | "group") {
  const allowed = `a ${noun} is a name such as evenkeel, or a number`;
  return z
    .union([z.string(), z.number().int().min(0).max(4_294_967_294)], {
      error: ({ input }) => `${quote(input)} is not a ${noun}; ${allowed}`,
    })
    .transform(String)
    .refine((name) => /^([A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,10})$/.test(name), {
      error: ({ input }) => `${quote(input)} is not a ${noun}; ${allowed}`,
    });
}

/** A list of a few words, each once. */
export function words<const Words extends readonly [string, ...string[]]>(noun: string, allowed: Words) {
  return z
    .array(word(noun, allowed), { error: ({ input }) => `${quote(input)} is not a list; write [${allowed.join(", ")}], or one of them` })
    .refine((list) => new Set(list).size === list.length, { error: `${aOrAn(noun)} stands here twice` });
}

function aOrAn(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(noun: string, words: Words) {
  return z.enum(words, {
    error: ({ input }) =>
      `${quote(input)} is not ${aOrAn(noun)}; allowed: ${words.join(", ")}${typeof input === "string" ? didYouMean(input, words) : ""}`,
  });
}

export const serviceLabel = z
  .string({ error: ({ input }) => `${quote(input)} is not text; a name is text of 1 to 64 characters` })
  .regex(/^[^\p{C}\p{Z}]([^\p{C}]{0,62}[^\p{C}\p{Z}])?$/u, {
    error: ({ input }) => `${quote(input)} is not a name; a name has 1 to 64 characters and begins and ends with a visible one`,
  });

/** What dev_valid_name() of the kernel lets pass. */
export const interfaceName = z
  .string({ error: ({ input }) => `${quote(input)} is not text; an interface name is text such as eth0` })
  .refine((name) => new TextEncoder().encode(name).length <= 15, {
    error: ({ input }) => `${quote(input)} is too long; an interface name has at most 15 bytes`,
    abort: true,
  })
  .refine((name) => name !== "." && name !== ".." && /^[^\s/:\p{C}]+$/u.test(name), {
    error: ({ input }) => `${quote(input)} is not an interface name; it has 1 to 15 bytes, none of them a slash, a colon or a space`,
  });

export const virtualAddress = address((value) => {
  const nature = natureOf(value);
  return nature === undefined ? undefined : `${formatAddress(value)} is ${nature}; a service needs an address that clients can reach`;
});

export const serverAddress = address((value) => {
  const nature = natureOf(value);
  return nature === undefined ? undefined : `${formatAddress(value)} is ${nature}; a server needs a unicast address of its own`;
});

export const directorAddress = address((value) => {
  const nature = natureOf(value);
  return nature === undefined ? undefined : `${formatAddress(value)} is ${nature}; servers answer to an address of the director's`;
});

export const netmask = address((value) => (lengthOfMask(value) === undefined ? `${formatAddress(value)} is not a netmask` : undefined));

/** Where a door of the director's own listens: any address of this host, all of them, or itself. */
export const listeningAddress = address(() => undefined);

/** How many bits a netmask has in front, when there are none behind. */
export function lengthOfMask({ family, bytes }: Address): number | undefined {
  const bits = [...bytes.subarray(0, family === "ipv4" ? 4 : 16)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const length = bits.indexOf("0") === -1 ? bits.length : bits.indexOf("0");
  return length > 0 && !bits.includes("1", length) ? length : undefined;
}

/** "198.51.100.0/24", or the address of one host. */
export const prefix = z
  .string({ error: ({ input }) => `${quote(input)} is not a network; it is an address and a prefix length, such as 198.51.100.0/24` })
  .transform((text, context): Prefix => {
    const refusal = (message: string) => {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    };
    const [, host = "", bits] = /^([^/]*)(?:[/](\d{1,3}))?$/.exec(text) ?? [];
    const value = tryAddress(host);
    if (value === undefined)
      return refusal(`${quote(text)} is not a network; it is an address and a prefix length, such as 198.51.100.0/24`);
    const longest = value.family === "ipv4" ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    if (length > longest) return refusal(`${quote(text)}: the prefix length is at most ${longest}`);
    const found = { address: value, length };
    const network = describePrefix(found);
    return network === `${formatAddress(value)}/${length}`
      ? found
      : refusal(`${quote(text)} names a host in a network; write ${network}, or the host without /${length}`);
  });

/** "192.0.2.10/24": an address of a host, and how long the prefix of its network is; the whole address when that is left out. */
export const virtualNetwork = z
  .string({ error: ({ input }) => `${quote(input)} is not an address; write 192.0.2.10/24` })
  .transform((text, context): Prefix => {
    const refusal = (message: string) => {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    };
    const [, host = "", bits] = /^([^/]*)(?:[/](\d{1,3}))?$/.exec(text) ?? [];
    const value = tryAddress(host);
    if (value === undefined) return refusal(`${quote(text)} is not an address; write 192.0.2.10/24`);
    const longest = value.family === "ipv4" ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    if (length > longest) return refusal(`${quote(text)}: the prefix length is at most ${longest}`);
    const nature = natureOf(value);
    return nature === undefined || nature === "a link-local address" ? { address: value, length } : refusal(`${host} is ${nature}`);
  });

/** "1000-2000", both included. */
export const portRange = z
  .string({ error: ({ input }) => `${quote(input)} is not a range of ports; write it as 1000-2000, or use port for one` })
  .transform((text, context): { readonly first: number; readonly last: number } => {
    const [, first, last] = /^(\d{1,5}) ?- ?(\d{1,5})$/.exec(text) ?? [];
    const range = { first: Number(first), last: Number(last) };
    if (range.first >= 1 && range.last <= 65535 && range.first <= range.last) return range;
    const message = `${quote(text)} is not a range of ports; it goes from the lesser to the greater, between 1 and 65535, such as 1000-2000`;
    context.issues.push({ code: "custom", message, input: text });
    return z.NEVER;
  });

function tryAddress(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof EvenkeelError && error.code === "BAD_ADDRESS") return undefined;
    throw error;
  }
}

function address(refuse: (address: Address) => string | undefined) {
  return z.string({ error: ({ input }) => `${quote(input)} is not an IPv4 or IPv6 address` }).transform((text, context): Address => {
    const refusal = (message: string) => {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    };
    const value = tryAddress(text);
    if (value === undefined) return refusal(`${quote(text)} is not an IPv4 or IPv6 address${addressHint(text)}`);
    const reason = refuse(value);
    return reason === undefined ? value : refusal(reason);
  });
}

function addressHint(text: string): string {
  if (/[/]\d+$/.test(text)) return "; leave the prefix length out";
  if (text.includes("%")) return "; leave the zone out";
  if (/^\[.*\]/.test(text) || /^[\d.]+:\d+$/.test(text)) return "; the port has a key of its own";
  if (/^\d+(\.\d+){3}$/.test(text)) return "; each part is 0 to 255, without leading zeros";
  return "";
}

/** Why nothing can be sent to it as to one host, or undefined. */
function natureOf({ family, bytes }: Address): string | undefined {
  const [first = 0, second = 0] = bytes;
  const all = (from: number, to: number, byte: number) => bytes.subarray(from, to).every((each) => each === byte);
  if (family === "ipv4") {
    if (all(0, 4, 0)) return "the unspecified address";
    if (first === 0) return "an address of this network (0.0.0.0/8)";
    if (first === 127) return "a loopback address";
    if (first >= 224 && first <= 239) return "a multicast address";
    return all(0, 4, 255) ? "the broadcast address" : undefined;
  }
  if (all(0, 16, 0)) return "the unspecified address";
  if (all(0, 15, 0) && bytes[15] === 1) return "the loopback address";
  if (first === 0xff) return "a multicast address";
  if (first === 0xfe && (second & 0xc0) === 0x80) return "a link-local address";
  return all(0, 10, 0) && all(10, 12, 255) ? "an IPv4 address in IPv6 clothes" : undefined;
}
