/** The packet path's address filters: one bit of 1,024 for an address (filter_may_hold() in bpf/service.h). */

import type { Address } from "../model/address.ts";
import { Limits } from "../wire/abi.ts";

const GOLDEN = 0x9e3779b1;

export function addressFilter(addresses: Iterable<Address>): bigint[] {
  const bits = new Uint8Array(Limits.ADDRESS_FILTER_WORDS * 8);
  for (const address of addresses) {
    const bit = filterBit(address);
    bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return [...new BigUint64Array(bits.buffer)];
}

/** False for certain, or true perhaps. */
export function filterMayHold(filter: readonly bigint[], address: Address): boolean {
  const bit = filterBit(address);
  return (((filter[bit >> 6] ?? 0n) >> BigInt(bit & 63)) & 1n) === 1n;
}

/** Its four words, folded: each byte of the address goes to its place in a word. */
export function filterBit({ bytes }: Address): number {
  let folded = 0;
  for (let i = 0; i < bytes.length; i++) folded ^= (bytes[i] ?? 0) << ((i & 3) * 8);
  return Math.imul(folded, GOLDEN) >>> 22;
}
