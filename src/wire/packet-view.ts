/** What the codecs of packets share: a view that is long enough, and the one error they throw. */

import { EvenkeelError } from "../model/error.ts";

/** Throws BAD_PACKET when there are fewer bytes than the header has. */
export function headerView(bytes: Uint8Array, length: number, what: string): DataView {
  if (bytes.length < length) throw badPacket(what, `${bytes.length} bytes of ${length}`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of their own: what is decoded does not change with the buffer. (A Buffer's slice() would be a view.) */
export function copyOf(bytes: Uint8Array, start: number, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

export function badPacket(what: string, why: string): EvenkeelError {
  return new EvenkeelError("BAD_PACKET", `not a whole ${what}: ${why}`, { facts: { what } });
}

/** A bug of the caller, not of a packet: a field cannot hold the value. */
export function fits(value: number, bits: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits)
    throw new RangeError(`${field} is a number of ${bits} bits, not ${value}`);
  return value;
}

/** Bytes behind a fixed header, in words of four: options of IPv4 and TCP. */
export function optionsFit(options: Uint8Array, what: string): Uint8Array {
  if (options.length % 4 !== 0 || options.length > 40)
    throw new RangeError(`${what} have 0 to 40 bytes in words of four, not ${options.length}`);
  return options;
}
