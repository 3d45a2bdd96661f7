/**
 * SipHash with one compression and three finalization rounds, which is what the kernel's hsiphash() is on 64-bit machines:
 * the low 32 bits of it. Written for one message of four bytes, in pairs of 32-bit words, because BigInt is slow.
 * https://www.aumasson.jp/siphash/siphash.pdf
 */

/** A 128-bit key: two words of 64 bits, each as its high and low half. */
export interface SipKey {
  readonly k0: readonly [high: number, low: number];
  readonly k1: readonly [high: number, low: number];
}

/** Four words of 64 bits: v0 high, v0 low, v1 high, ... */
type State = Int32Array;

/** One for all, as each hash is finished before the next begins: a search through a Maglev table makes thousands. */
const v: State = new Int32Array(8);

/** The low 32 bits of SipHash-1-3 of a 32-bit word, taken as four bytes in little-endian order. */
export function sipHash13Word(word: number, { k0, k1 }: SipKey): number {
  set(v, 0, 0x736f6d65 ^ k0[0], 0x70736575 ^ k0[1]);
  set(v, 1, 0x646f7261 ^ k1[0], 0x6e646f6d ^ k1[1]);
  set(v, 2, 0x6c796765 ^ k0[0], 0x6e657261 ^ k0[1]);
  set(v, 3, 0x74656462 ^ k1[0], 0x79746573 ^ k1[1]);
  // The last block: the length in its top byte, then the remaining bytes, here all four.
  const high = 4 << 24;
  xor(v, 3, high, word);
  round(v);
  xor(v, 0, high, word);
  xor(v, 2, 0, 0xff);
  round(v);
  round(v);
  round(v);
  return (at(v, 1) ^ at(v, 3) ^ at(v, 5) ^ at(v, 7)) >>> 0;
}

function round(v: State): void {
  add(v, 0, 1);
  rotate(v, 1, 13);
  mix(v, 1, 0);
  rotate(v, 0, 32);
  add(v, 2, 3);
  rotate(v, 3, 16);
  mix(v, 3, 2);
  add(v, 0, 3);
  rotate(v, 3, 21);
  mix(v, 3, 0);
  add(v, 2, 1);
  rotate(v, 1, 17);
  mix(v, 1, 2);
  rotate(v, 2, 32);
}

/** v[to] += v[from], modulo 2^64. */
function add(v: State, to: number, from: number): void {
  const low = (at(v, 2 * to + 1) >>> 0) + (at(v, 2 * from + 1) >>> 0);
  v[2 * to] = at(v, 2 * to) + at(v, 2 * from) + (low > 0xffffffff ? 1 : 0);
  v[2 * to + 1] = low;
}

/** v[to] ^= v[from]. */
function mix(v: State, to: number, from: number): void {
  xor(v, to, at(v, 2 * from), at(v, 2 * from + 1));
}

function set(v: State, which: number, high: number, low: number): void {
  v[2 * which] = high;
  v[2 * which + 1] = low;
}

function xor(v: State, to: number, high: number, low: number): void {
  v[2 * to] = at(v, 2 * to) ^ high;
  v[2 * to + 1] = at(v, 2 * to + 1) ^ low;
}

/** Rotates left by 1 to 32 bits. */
function rotate(v: State, which: number, bits: number): void {
  const high = at(v, 2 * which);
  const low = at(v, 2 * which + 1);
  v[2 * which] = bits === 32 ? low : (high << bits) | (low >>> (32 - bits));
  v[2 * which + 1] = bits === 32 ? high : (low << bits) | (high >>> (32 - bits));
}

function at(v: State, index: number): number {
  return v[index] ?? 0;
}
