/**
 * How the hashing schedulers make a number of an address: the kernel's hash_32() over the address folded to 32 bits, in
 * host order. Tables are built from these here and written into BPF maps; bpf/ hashes the same way to look them up.
 */

import type { Address } from "../model/address.ts";

/** GOLDEN_RATIO_32 of include/linux/hash.h. */
const GOLDEN_RATIO = 0x61c88647;

/** The address itself, or the four words of an IPv6 address in one. */
export function foldAddress({ family, bytes }: Address): number {
  const word = (at: number) => ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return (family === "ipv4" ? word(0) : word(0) ^ word(4) ^ word(8) ^ word(12)) >>> 0;
}

/** hash_32(): the upper bits of the product, which are the better ones. */
export function hash32(value: number, bits: number): number {
  return Math.imul(value, GOLDEN_RATIO) >>> (32 - bits);
}
