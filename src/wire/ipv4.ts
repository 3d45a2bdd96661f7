/** IPv4 packets (RFC 791): values to bytes with the checksum summed anew, and back. */

import { addressFromBytes, packetBytes } from "../model/address.ts";
import { type Ends, internetChecksum } from "./internet-checksum.ts";
import { badPacket, copyOf, fits, headerView, optionsFit } from "./packet-view.ts";

/** Numbers of the protocols that we speak, in either family. */
export const IpProtocol = Object.freeze({
  ICMP: 1,
  IPIP: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  FRAGMENT: 44,
  GRE: 47,
  ICMPV6: 58,
  SCTP: 132,
} as const);

export const IPV4_BYTES = 20;

export interface Ipv4Header extends Ends {
  /** Differentiated services, and in the last two bits congestion (RFC 3168). */
  readonly tos: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In bytes; a multiple of eight. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly options: Uint8Array;
}

export interface Ipv4Packet extends Ipv4Header {
  readonly payload: Uint8Array;
}

/** A header as it came; the packet behind it may be cut, as in the quote of an ICMP error. */
export interface ReceivedIpv4Header extends Ipv4Header {
  readonly headerBytes: number;
  readonly totalLength: number;
  readonly checksum: "right" | "wrong";
}

export const IPV4_DEFAULTS = {
  tos: 0,
  identification: 0,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 64,
  options: new Uint8Array(0),
} as const satisfies Partial<Ipv4Header>;

export function encodeIpv4(given: Omit<Ipv4Packet, keyof typeof IPV4_DEFAULTS> & Partial<Ipv4Packet>): Uint8Array {
  const packet: Ipv4Packet = { ...IPV4_DEFAULTS, ...given };
  const headerBytes = IPV4_BYTES + optionsFit(packet.options, "the options of IPv4").length;
  const bytes = new Uint8Array(headerBytes + packet.payload.length);
  const view = new DataView(bytes.buffer);
  const flags = (packet.dontFragment ? 0x4000 : 0) | (packet.moreFragments ? 0x2000 : 0);
  view.setUint8(0, 0x40 | (headerBytes / 4));
  view.setUint8(1, fits(packet.tos, 8, "tos"));
  view.setUint16(2, fits(bytes.length, 16, "the length of an IPv4 packet"));
  view.setUint16(4, fits(packet.identification, 16, "identification"));
  view.setUint16(6, flags | fits(packet.fragmentOffset / 8, 13, "the fragment's offset in words of eight bytes"));
  view.setUint8(8, fits(packet.ttl, 8, "ttl"));
  view.setUint8(9, fits(packet.protocol, 8, "protocol"));
  bytes.set(packetBytes(packet.source), 12);
  bytes.set(packetBytes(packet.destination), 16);
  bytes.set(packet.options, IPV4_BYTES);
  view.setUint16(10, internetChecksum(bytes.subarray(0, headerBytes)));
  bytes.set(packet.payload, headerBytes);
  return bytes;
}

/** What lies beyond the packet's own length (Ethernet's padding) is left out. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet & ReceivedIpv4Header {
  const header = decodeIpv4Header(bytes);
  if (header.totalLength > bytes.length) throw badPacket("IPv4 packet", `${bytes.length} bytes of ${header.totalLength}`);
  return { ...header, payload: copyOf(bytes, header.headerBytes, header.totalLength) };
}

export function decodeIpv4Header(bytes: Uint8Array): ReceivedIpv4Header {
  const view = headerView(bytes, IPV4_BYTES, "IPv4 header");
  const version = view.getUint8(0) >> 4;
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const totalLength = view.getUint16(2);
  if (version !== 4) throw badPacket("IPv4 header", `its version is ${version}`);
  if (headerBytes < IPV4_BYTES || headerBytes > bytes.length || headerBytes > totalLength) {
    throw badPacket("IPv4 header", `it says it has ${headerBytes} bytes, the packet ${totalLength}; ${bytes.length} are there`);
  }
  const fragment = view.getUint16(6);
  return {
    tos: view.getUint8(1),
    identification: view.getUint16(4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    source: addressFromBytes(bytes.subarray(12, 16)),
    destination: addressFromBytes(bytes.subarray(16, 20)),
    options: copyOf(bytes, IPV4_BYTES, headerBytes),
    headerBytes,
    totalLength,
    checksum: internetChecksum(bytes.subarray(0, headerBytes)) === 0 ? "right" : "wrong",
  };
}
