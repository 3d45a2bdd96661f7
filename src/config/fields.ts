/** The kinds of values a configuration holds, each as a zod type that says what is wrong and what is allowed. */

import * as z from "zod";
import { type Address, formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { describePrefix } from "../model/mark-rule.ts";
import type { Prefix } from "../model/plane.ts";
import { quote } from "./complaint.ts";
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

/** A list of a few words, each once. */
export function words<const Words extends readonly [string, ...string[]]>(noun: string, allowed: Words) {
  return z
    .array(word(noun, allowed), { error: ({ input }) => `${quote(input)} is not a list; write [${allowed.join(", ")}], or one of them` })
    .refine((list) => new Set(list).size === list.length, { error: `a ${noun} stands here twice` });
}

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(noun: string, words: Words) {
  return z.enum(words, {
    error: ({ input }) =>
      `${quote(input)} is not a ${noun}; allowed: ${words.join(", ")}${typeof input === "string" ? didYouMean(input, words) : ""}`,
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
