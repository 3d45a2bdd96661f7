/** The packet path's address filters: one bit of 1,024 for an address (filter_may_hold() in bpf/service.h). */

import type { Address } from "../model/address.ts";
import { Limits } from "../wire/abi.ts";

const GOLDEN = 0x9e3779b1;

export function addressFilter(addresses: Iterable<Address>): bigint[] {
  const words = Array<bigint>(Limits.ADDRESS_FILTER_WORDS).fill(0n);
  for (const address of addresses) {
    const bit = filterBit(address);
    words[bit >> 6] = (words[bit >> 6] ?? 0n) | (1n << BigInt(bit & 63));
  }
  return words;
}

/** False for certain, or true perhaps. */
export function filterMayHold(filter: readonly bigint[], address: Address): boolean {
  const bit = filterBit(address);
  return (((filter[bit >> 6] ?? 0n) >> BigInt(bit & 63)) & 1n) === 1n;
}

export function filterBit(address: Address): number {
  const view = new DataView(address.bytes.buffer, address.bytes.byteOffset, 16);
  const folded = view.getUint32(0, true) ^ view.getUint32(4, true) ^ view.getUint32(8, true) ^ view.getUint32(12, true);
  return Math.imul(folded, GOLDEN) >>> 22;
}
