/** The kinds of values a configuration holds, each as a zod type that says what is wrong and what is allowed. */

import * as z from "zod";
import { type Address, formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { quote } from "./complaint.ts";
import { didYouMean } from "./suggest.ts";

interface WholeNumber {
  /** "weight" */
  readonly noun: string;
  readonly least: number;
  readonly greatest: number;
  /** Why 0 is not allowed, where someone may well expect it to be. */
  readonly zero?: string;
}

export function wholeNumber({ noun, least, greatest, zero }: WholeNumber) {
  const allowed = `a ${noun} is a whole number from ${least} to ${greatest}`;
  const wrongKind = ({ input }: { input?: unknown }) =>
    typeof input === "number" ? `${quote(input)} is not a whole number; ${allowed}` : `${quote(input)} is not a number; ${allowed}`;
  const tooLittle = ({ input }: { input?: unknown }) =>
    input === 0 && zero !== undefined ? `${zero}; ${allowed}` : `${quote(input)} is below ${least}, the least ${noun}`;
  return z
    .number({ error: wrongKind })
    .int({ error: wrongKind })
    .min(least, { error: tooLittle })
    .max(greatest, { error: ({ input }) => `${quote(input)} is above ${greatest}, the greatest ${noun}` });
}

export const port = wholeNumber({ noun: "port", least: 1, greatest: 65535, zero: "0 (every port) comes with a later version" });

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

function address(refuse: (address: Address) => string | undefined) {
  return z.string({ error: ({ input }) => `${quote(input)} is not an IPv4 or IPv6 address` }).transform((text, context): Address => {
    const refusal = (message: string) => {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    };
    try {
      const value = parseAddress(text);
      const reason = refuse(value);
      return reason === undefined ? value : refusal(reason);
    } catch (error) {
      if (error instanceof EvenkeelError && error.code === "BAD_ADDRESS")
        return refusal(`${quote(text)} is not an IPv4 or IPv6 address${addressHint(text)}`);
      throw error;
    }
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
