/** The Internet checksum (RFC 1071), summed from the first byte to the last: never altered, so that it can judge those who alter. */

import { type Address, packetBytes } from "../model/address.ts";

/** Where a packet comes from and goes to: transport checksums cover it. */
export interface Ends {
  readonly source: Address;
  readonly destination: Address;
}

/** Of these bytes, an odd last one padded with zero. Over bytes that hold their own checksum: 0. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Of a transport's header and data with the pseudo-header before them (RFC 9293 3.1, RFC 768, RFC 8200 8.1). */
export function transportChecksum(ends: Ends, protocol: number, bytes: Uint8Array): number {
  const source = packetBytes(ends.source);
  const destination = packetBytes(ends.destination);
  const head = source.length + destination.length;
  const summed = new Uint8Array(head + 8 + bytes.length);
  const view = new DataView(summed.buffer);
  summed.set(source);
  summed.set(destination, source.length);
  // IPv6's fields; IPv4's are narrower, and what is wider here is zero and adds nothing.
  view.setUint32(head, bytes.length);
  view.setUint32(head + 4, protocol);
  summed.set(bytes, head + 8);
  return internetChecksum(summed);
}
