/** SCTP packets (RFC 9260): a common header with a CRC-32C over all of it, and chunks. */

import { fits } from "./packet-view.ts";

export const SCTP_BYTES = 12;
const CHUNK_BYTES = 4;

/** Numbers of the chunks that begin, hold or end an association. */
export const SctpChunk = Object.freeze({
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  SHUTDOWN_COMPLETE: 14,
} as const);

export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag?: number;
  readonly chunks: readonly { readonly type: number; readonly flags?: number; readonly value?: Uint8Array }[];
}

export function encodeSctp({ sourcePort, destinationPort, verificationTag = 0, chunks }: SctpPacket): Uint8Array {
  const lengths = chunks.map(({ value }) => CHUNK_BYTES + (value?.length ?? 0));
  const padded = lengths.map((length) => Math.ceil(length / 4) * 4);
  const bytes = new Uint8Array(padded.reduce((sum, length) => sum + length, SCTP_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fits(sourcePort, 16, "sourcePort"));
  view.setUint16(2, fits(destinationPort, 16, "destinationPort"));
  view.setUint32(4, fits(verificationTag, 32, "verificationTag"));
  let at = SCTP_BYTES;
  for (const [i, { type, flags = 0, value }] of chunks.entries()) {
    view.setUint8(at, fits(type, 8, "the chunk's type"));
    view.setUint8(at + 1, fits(flags, 8, "the chunk's flags"));
    view.setUint16(at + 2, fits(lengths[i] ?? 0, 16, "the chunk's length"));
    bytes.set(value ?? [], at + CHUNK_BYTES);
    at += padded[i] ?? 0;
  }
  // RFC 9260 appendix A: the one checksum of the family that is sent least significant byte first.
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

/** Whether the checksum is right. */
export function isSctpIntact(packet: Uint8Array): boolean {
  const bytes = packet.slice();
  const view = new DataView(bytes.buffer);
  const told = view.getUint32(8, true);
  view.setUint32(8, 0);
  return crc32c(bytes) === told;
}

/** Castagnoli's polynomial, reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = ((TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)) >>> 0;
  return ~crc >>> 0;
}
