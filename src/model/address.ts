/**
 * IP addresses as values. Parsed once at the door; after that an Address, never a string.
 * Sixteen bytes as in bpf/abi.h: IPv4 uses the first four and leaves the rest zero.
 */

import { EvenkeelError } from "./error.ts";

export type Family = "ipv4" | "ipv6";

export interface Address {
  readonly family: Family;
  /** 16 bytes, network order. */
  readonly bytes: Uint8Array;
}

/** Parses an IPv4 or IPv6 address (RFC 4291 2.2; no brackets, no zone, no leading zeros in IPv4). Throws BAD_ADDRESS. */
export function parseAddress(text: string): Address {
  const address = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (address === undefined) throw new EvenkeelError("BAD_ADDRESS", `"${text}" is not an IPv4 or IPv6 address`);
  return address;
}

/** The canonical text: RFC 5952 for IPv6. Lists have tens of thousands of them, so that it makes nothing but the text. */
export function formatAddress({ family, bytes }: Address): string {
  return family === "ipv4" ? dotted(bytes, 0) : formatIpv6(bytes);
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${byteAt(bytes, at)}.${byteAt(bytes, at + 1)}.${byteAt(bytes, at + 2)}.${byteAt(bytes, at + 3)}`;
}

function formatIpv6(bytes: Uint8Array): string {
  const gap = longestZeroRun(bytes);
  // ::ffff:0:0/96 is an IPv4 address in IPv6's clothes.
  if (gap.start === 0 && gap.length === 5 && wordAt(bytes, 5) === 0xffff) return `::ffff:${dotted(bytes, 12)}`;
  let text = "";
  for (let i = 0; i < IPV6_WORDS; i++) {
    if (i === gap.start && gap.length > 1) {
      text += "::";
      i += gap.length - 1;
    } else text += (text === "" || text.endsWith(":") ? "" : ":") + wordAt(bytes, i).toString(16);
  }
  return text;
}

/** "192.0.2.1:80" or "[2001:db8::1]:80". */
export function formatEndpoint(address: Address, port: number): string {
  return address.family === "ipv4" ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`;
}

export function sameAddress(one: Address, other: Address): boolean {
  if (one.family !== other.family) return false;
  // Asked for each pair of neighbours in long lists.
  for (let i = 0; i < one.bytes.length; i++) if (one.bytes[i] !== other.bytes[i]) return false;
  return true;
}

/** 4 or 16 bytes, as they stand in a packet. */
export function packetBytes(address: Address): Uint8Array {
  return address.family === "ipv4" ? address.bytes.subarray(0, 4) : address.bytes;
}

/** An address from 4 or 16 packet bytes. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new EvenkeelError("BAD_ADDRESS", `an address has 4 or 16 bytes, not ${bytes.length}`);
  const whole = new Uint8Array(16);
  whole.set(bytes);
  return { family: bytes.length === 4 ? "ipv4" : "ipv6", bytes: whole };
}

function parseIpv4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return addressFromBytes(Uint8Array.from(parts, Number));
}

function parseIpv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => parseIpv6Words(half, i === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? fromWords(head) : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return fromWords([...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]);
}

/** `mayEndDotted`: an IPv4 address may stand at the very end, for the last two words. */
function parseIpv6Words(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const words: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (mayEndDotted && i === parts.length - 1 && part.includes(".")) {
      const dotted = parseIpv4(part);
      if (dotted === undefined) return undefined;
      words.push((byteAt(dotted.bytes, 0) << 8) | byteAt(dotted.bytes, 1), (byteAt(dotted.bytes, 2) << 8) | byteAt(dotted.bytes, 3));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return words;
}

function fromWords(words: readonly number[]): Address {
  return addressFromBytes(Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff])));
}

const IPV6_WORDS = 8;

/** The first of the longest. */
function longestZeroRun(bytes: Uint8Array): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < IPV6_WORDS; start++) {
    let length = 0;
    while (start + length < IPV6_WORDS && wordAt(bytes, start + length) === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

function wordAt(bytes: Uint8Array, i: number): number {
  return (byteAt(bytes, 2 * i) << 8) | byteAt(bytes, 2 * i + 1);
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
