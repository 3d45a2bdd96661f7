/** IPv6 packets (RFC 8200), without a word about extension headers: they are the payload of whoever wants them. */

import { addressFromBytes } from "../model/address.ts";
import type { Ends } from "./internet-checksum.ts";
import { badPacket, copyOf, fits, headerView } from "./packet-view.ts";

export const IPV6_BYTES = 40;

export interface Ipv6Header extends Ends {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
}

export interface Ipv6Packet extends Ipv6Header {
  readonly payload: Uint8Array;
}

/** A header as it came; the packet behind it may be cut, as in the quote of an ICMP error. */
export interface ReceivedIpv6Header extends Ipv6Header {
  readonly payloadLength: number;
}

export const IPV6_DEFAULTS = { trafficClass: 0, flowLabel: 0, hopLimit: 64 } as const satisfies Partial<Ipv6Header>;

export function encodeIpv6(given: Omit<Ipv6Packet, keyof typeof IPV6_DEFAULTS> & Partial<Ipv6Packet>): Uint8Array {
  const packet: Ipv6Packet = { ...IPV6_DEFAULTS, ...given };
  const bytes = new Uint8Array(IPV6_BYTES + packet.payload.length);
  const view = new DataView(bytes.buffer);
  const first = 6 * 2 ** 28 + fits(packet.trafficClass, 8, "trafficClass") * 2 ** 20 + fits(packet.flowLabel, 20, "flowLabel");
  view.setUint32(0, first);
  view.setUint16(4, fits(packet.payload.length, 16, "the length of an IPv6 payload"));
  view.setUint8(6, fits(packet.nextHeader, 8, "nextHeader"));
  view.setUint8(7, fits(packet.hopLimit, 8, "hopLimit"));
  bytes.set(packet.source.bytes, 8);
  bytes.set(packet.destination.bytes, 24);
  bytes.set(packet.payload, IPV6_BYTES);
  return bytes;
}

/** What lies beyond the packet's own length (Ethernet's padding) is left out. */
export function decodeIpv6(bytes: Uint8Array): Ipv6Packet & ReceivedIpv6Header {
  const header = decodeIpv6Header(bytes);
  const length = IPV6_BYTES + header.payloadLength;
  if (length > bytes.length) throw badPacket("IPv6 packet", `${bytes.length} bytes of ${length}`);
  return { ...header, payload: copyOf(bytes, IPV6_BYTES, length) };
}

export function decodeIpv6Header(bytes: Uint8Array): ReceivedIpv6Header {
  const view = headerView(bytes, IPV6_BYTES, "IPv6 header");
  const first = view.getUint32(0);
  if (first >>> 28 !== 6) throw badPacket("IPv6 header", `its version is ${first >>> 28}`);
  return {
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xfffff,
    payloadLength: view.getUint16(4),
    nextHeader: view.getUint8(6),
    hopLimit: view.getUint8(7),
    source: addressFromBytes(bytes.subarray(8, 24)),
    destination: addressFromBytes(bytes.subarray(24, 40)),
  };
}
