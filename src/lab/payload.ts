/**
 * The bytes of bulk transfers: the same on both sides, different at every place of a block, and summed up while they flow, so that a
 * transfer proves not only how many bytes came through but which.
 */

import { crc32 } from "node:zlib";

const BLOCK_BYTES = 1 << 18;

/** Numbers of a xorshift generator: nothing that compression, a stuck counter or a zeroed page would produce. */
const block = ((): Buffer => {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer);
})();

/** The payload in pieces that are ready to be written. */
export function* payload(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) yield left >= BLOCK_BYTES ? block : block.subarray(0, left);
}

/** What arrived so far. */
export class Sum {
  bytes = 0;
  crc = 0;

  add(piece: Buffer): void {
    this.bytes += piece.length;
    this.crc = crc32(piece, this.crc);
  }

  /** Whether it is the payload, whole. */
  is(bytes: number): boolean {
    if (this.bytes !== bytes) return false;
    let crc = 0;
    for (const piece of payload(bytes)) crc = crc32(piece, crc);
    return this.crc === crc;
  }
}
