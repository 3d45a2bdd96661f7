/** Addresses as netfilter's tools print them: prefixes, masks and ranges. Undefined: it cannot be said by prefixes. */

import { type Address, addressFromBytes, packetBytes, parseAddress } from "../../model/address.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Prefix } from "../../model/plane.ts";

/** "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", and the like of IPv6. A mask with holes is none. */
export function readPrefix(text: string): Prefix | undefined {
  const [addressText = "", lengthText, ...more] = text.split("/");
  const address = readAddress(addressText);
  if (address === undefined || more.length > 0) return undefined;
  const bits = bitsOf(address);
  if (lengthText === undefined) return { address, length: bits };
  if (/^\d{1,3}$/.test(lengthText)) return Number(lengthText) <= bits ? { address, length: Number(lengthText) } : undefined;
  const mask = readAddress(lengthText);
  if (mask === undefined || mask.family !== address.family) return undefined;
  const binary = [...packetBytes(mask)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(binary) ? { address, length: binary.replaceAll("0", "").length } : undefined;
}

/** The fewest prefixes that hold the addresses from one to the other, both included. */
export function readRange(firstText: string, lastText: string): Prefix[] | undefined {
  const [first, last] = [readAddress(firstText), readAddress(lastText)];
  if (first === undefined || last === undefined || first.family !== last.family) return undefined;
  const bits = bitsOf(first);
  const [end, prefixes] = [numberOf(last), [] as Prefix[]];
  let next = numberOf(first);
  while (next <= end) {
    let free = 0;
    // As wide as it can begin here, and does not go beyond the end.
    while (free < bits && (next & (1n << BigInt(free))) === 0n && next + (2n << BigInt(free)) - 1n <= end) free++;
    prefixes.push({ address: addressOf(next, bits), length: bits - free });
    next += 1n << BigInt(free);
  }
  return prefixes;
}

function readAddress(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof EvenkeelError) return undefined;
    throw error;
  }
}

function bitsOf({ family }: Address): 32 | 128 {
  return family === "ipv4" ? 32 : 128;
}

function numberOf(address: Address): bigint {
  return packetBytes(address).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
}

function addressOf(number: bigint, bits: number): Address {
  return addressFromBytes(Uint8Array.from({ length: bits / 8 }, (_, i) => Number((number >> BigInt(bits - 8 * (i + 1))) & 0xffn)));
}
