/** What may happen to a frame: each mutation works in place and says how long the frame is then. */

import { ETHERNET_BYTES, EtherType } from "../../src/wire/ethernet.ts";
import type { Chance } from "./random.ts";

export const FRAME_MAX = 1600;
const FRAME_MIN = ETHERNET_BYTES;
const INTERESTING = [0, 1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 20, 40, 44, 47, 50, 51, 58, 59, 60, 63, 64, 127, 128, 129, 132, 135, 254, 255];
const INTERESTING_WORDS = [
  0, 1, 8, 13, 19, 20, 21, 28, 39, 40, 48, 63, 64, 127, 255, 256, 1280, 1499, 1500, 1501, 0x1fff, 0x2000, 0x3fff, 0x4000, 0x7fff, 0x8000,
  0xfffe, 0xffff,
];

type Mutation = (frame: Uint8Array, length: number, chance: Chance, other: Uint8Array) => number;

const word = (frame: Uint8Array, at: number, value: number) => {
  frame[at] = value >> 8;
  frame[at + 1] = value;
};

const flipBit: Mutation = (frame, length, chance) => {
  const at = chance.below(length);
  frame[at] = (frame[at] ?? 0) ^ (1 << chance.below(8));
  return length;
};

const setByte: Mutation = (frame, length, chance) => {
  frame[chance.below(length)] = chance.oneIn(2) ? chance.below(256) : chance.of(INTERESTING);
  return length;
};

/** Headers are where it hurts. */
const setHeaderByte: Mutation = (frame, length, chance) => {
  frame[FRAME_MIN - 2 + chance.below(Math.max(1, Math.min(length - FRAME_MIN, 64)))] = chance.oneIn(2)
    ? chance.below(256)
    : chance.of(INTERESTING);
  return length;
};

const setWord: Mutation = (frame, length, chance) => {
  word(
    frame,
    FRAME_MIN - 2 + 2 * chance.below(Math.max(1, (length - FRAME_MIN) >> 1)),
    chance.oneIn(3) ? chance.below(65_536) : chance.of(INTERESTING_WORDS),
  );
  return length;
};

const truncate: Mutation = (_, length, chance) => FRAME_MIN + chance.below(Math.max(1, length - FRAME_MIN));

/** Near the end of some header. */
const truncateShort: Mutation = (_, length, chance) => Math.min(length, FRAME_MIN + chance.below(90));

const extend: Mutation = (frame, length, chance) => {
  const longer = Math.min(FRAME_MAX, length + 1 + chance.below(chance.oneIn(8) ? 1500 : 64));
  for (let i = length; i < longer; i++) frame[i] = i * 7;
  return longer;
};

/** IPv4's total length, IPv6's payload length, or UDP's. */
const lieAboutLength: Mutation = (frame, length, chance) => {
  const ipv6 = isIpv6(frame);
  const at = chance.of(ipv6 ? [FRAME_MIN + 4, FRAME_MIN + 44] : [FRAME_MIN + 2, FRAME_MIN + 24]);
  const value = chance.oneIn(2) ? chance.of(INTERESTING_WORDS) : Math.max(0, length - FRAME_MIN + chance.below(65) - 32);
  if (at + 1 < length) word(frame, at, value);
  return length;
};

/** Options that are not there, a header that is longer or shorter than it says, another version. */
const lieAboutHeader: Mutation = (frame, length, chance) => {
  const at = chance.of([FRAME_MIN, FRAME_MIN + 20 + 12, FRAME_MIN + 40 + 12]);
  if (at < length) frame[at] = chance.of([chance.below(256), 0x40 | chance.below(16), 0x60 | chance.below(16), chance.below(16) << 4]);
  return length;
};

const setTtl: Mutation = (frame, length, chance) => {
  const at = FRAME_MIN + (isIpv6(frame) ? 7 : 8);
  if (at < length) frame[at] = chance.below(4);
  return length;
};

const setFragment: Mutation = (frame, length, chance) => {
  if (!isIpv6(frame) && length > FRAME_MIN + 20)
    word(frame, FRAME_MIN + 6, chance.of([0, 0x2000, 0x4000, 0x6000, 0x8000, 1, 3, 0x1fff, 0x2001, 0x3fff, chance.below(65_536)]));
  return length;
};

const swapEnds: Mutation = (frame, length) => {
  const [at, size] = isIpv6(frame) ? [FRAME_MIN + 8, 16] : [FRAME_MIN + 12, 4];
  if (at + 2 * size > length) return length;
  const first = frame.slice(at, at + size);
  frame.copyWithin(at, at + size, at + 2 * size);
  frame.set(first, at + size);
  return length;
};

/** Part of another frame in place of a part of this one. */
const splice: Mutation = (frame, length, chance, other) => {
  const from = chance.below(other.length);
  const to = FRAME_MIN + chance.below(Math.max(1, length - FRAME_MIN));
  const size = 1 + chance.below(Math.min(other.length - from, FRAME_MAX - to));
  frame.set(other.subarray(from, from + size), to);
  return Math.max(length, to + size);
};

/** This frame's head, the other's tail. */
const cross: Mutation = (frame, length, chance, other) => {
  const at = FRAME_MIN + chance.below(Math.max(1, Math.min(length, other.length) - FRAME_MIN));
  frame.set(other.subarray(at), at);
  return Math.max(other.length, at);
};

/** Bytes between two that were neighbours: VLAN tags, extension headers, options, or nothing that means anything. */
const insertion =
  (place: (frame: Uint8Array) => number, bytes: (frame: Uint8Array, chance: Chance) => Uint8Array): Mutation =>
  (frame, length, chance) => {
    const at = place(frame);
    const added = bytes(frame, chance);
    if (at > length || length + added.length > FRAME_MAX) return length;
    frame.copyWithin(at + added.length, at, length);
    frame.set(added, at);
    return length + added.length;
  };

const insertVlan = insertion(
  () => 12,
  (_, chance) =>
    Uint8Array.of(chance.oneIn(4) ? 0x88 : 0x81, chance.oneIn(4) ? 0xa8 : 0, chance.below(256), chance.oneIn(2) ? 0 : chance.below(256)),
);

/** An IPv6 extension header in front of what was next; the lengths say so, sometimes. */
const insertExtension: Mutation = (frame, length, chance) => {
  if (!isIpv6(frame) || length < FRAME_MIN + 40 || length + 64 > FRAME_MAX) return length;
  const kind = chance.of([0, 43, 44, 51, 60, 135, 139, 253]);
  const size = kind === 44 ? 8 : 8 * (1 + chance.below(4));
  frame.copyWithin(FRAME_MIN + 40 + size, FRAME_MIN + 40, length);
  frame.fill(0, FRAME_MIN + 40, FRAME_MIN + 40 + size);
  frame[FRAME_MIN + 40] = frame[FRAME_MIN + 6] ?? 0;
  if (kind === 44) word(frame, FRAME_MIN + 42, chance.of([0, 1, 8, 9, 0xfff8, chance.below(65_536)]));
  else frame[FRAME_MIN + 41] = chance.oneIn(4) ? chance.below(256) : size / 8 - 1;
  frame[FRAME_MIN + 6] = kind;
  const payload = ((frame[FRAME_MIN + 4] ?? 0) << 8) | (frame[FRAME_MIN + 5] ?? 0);
  if (!chance.oneIn(4)) word(frame, FRAME_MIN + 4, (payload + size) & 0xffff);
  return length + size;
};

const insertOptions: Mutation = (frame, length, chance) => {
  const header = (frame[FRAME_MIN] ?? 0) & 15;
  const words = 1 + chance.below(10);
  if (isIpv6(frame) || header < 5 || header + words > 15 || length < FRAME_MIN + 20 || length + 40 > FRAME_MAX) return length;
  const at = FRAME_MIN + 4 * header;
  frame.copyWithin(at + 4 * words, at, length);
  for (let i = 0; i < 4 * words; i++) frame[at + i] = chance.oneIn(2) ? 1 : chance.below(256);
  frame[FRAME_MIN] = 0x40 | (header + words);
  const total = ((frame[FRAME_MIN + 2] ?? 0) << 8) | (frame[FRAME_MIN + 3] ?? 0);
  word(frame, FRAME_MIN + 2, (total + 4 * words) & 0xffff);
  return length + 4 * words;
};

/** So that what was altered is not told by its checksum at once. */
const mendHeaderChecksum: Mutation = (frame, length) => {
  const header = 4 * ((frame[FRAME_MIN] ?? 0) & 15);
  if (isIpv6(frame) || header < 20 || FRAME_MIN + header > length) return length;
  word(frame, FRAME_MIN + 10, 0);
  let sum = 0;
  for (let i = FRAME_MIN; i < FRAME_MIN + header; i += 2) sum += ((frame[i] ?? 0) << 8) | (frame[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  word(frame, FRAME_MIN + 10, ~sum & 0xffff);
  return length;
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setHeaderByte,
  setHeaderByte,
  setHeaderByte,
  setWord,
  truncate,
  truncateShort,
  extend,
  lieAboutLength,
  lieAboutLength,
  lieAboutHeader,
  setTtl,
  setFragment,
  swapEnds,
  splice,
  cross,
  insertVlan,
  insertExtension,
  insertExtension,
  insertOptions,
];

/** One to five mutations; the frame's new length. */
export function mutate(frame: Uint8Array, length: number, chance: Chance, other: Uint8Array): number {
  let now = length;
  const times = 1 + chance.below(chance.oneIn(3) ? 5 : 2);
  for (let i = 0; i < times; i++) now = Math.max(FRAME_MIN, Math.min(FRAME_MAX, chance.of(MUTATIONS)(frame, now, chance, other)));
  return chance.oneIn(2) ? mendHeaderChecksum(frame, now, chance, other) : now;
}

function isIpv6(frame: Uint8Array): boolean {
  return (((frame[12] ?? 0) << 8) | (frame[13] ?? 0)) === EtherType.IPV6;
}
