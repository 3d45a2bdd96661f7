/**
 * IP packets from facts, by the wire codecs alone: what goes in and what must come out are both made here, never copied from each other.
 */

import type { Address } from "../../src/model/address.ts";
import { encodeIcmp, IcmpKind } from "../../src/wire/icmp.ts";
import { internetChecksum } from "../../src/wire/internet-checksum.ts";
import { encodeIpv4, IpProtocol } from "../../src/wire/ipv4.ts";
import { encodeIpv6 } from "../../src/wire/ipv6.ts";
import { encodeTcp, TcpFlag } from "../../src/wire/tcp.ts";
import { encodeUdp } from "../../src/wire/udp.ts";

/** What these rows send. */
export const TRANSPORTS = ["tcp", "udp"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** A TCP or UDP packet as people speak of it; the family is that of its addresses. */
export interface Facts {
  readonly protocol: Transport;
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** IPv6: the hop limit. */
  readonly ttl: number;
  /** IPv6: the traffic class. */
  readonly tos: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly tcpOptions: Uint8Array;
  /** UDP only. */
  readonly udpChecksum: boolean;
  /** IPv4 only. */
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly ipOptions: Uint8Array;
  /** IPv6 only. */
  readonly flowLabel: number;
}

/** An odd number of bytes: the checksum's last word is half a word. */
const PAYLOAD = Uint8Array.from({ length: 13 }, (_, i) => 0x61 + i);

export const USUAL = {
  protocol: "tcp",
  sourcePort: 40_000,
  destinationPort: 80,
  ttl: 61,
  tos: 0x28,
  flags: TcpFlag.SYN,
  payload: PAYLOAD,
  tcpOptions: new Uint8Array(0),
  udpChecksum: true,
  identification: 0x1234,
  dontFragment: true,
  ipOptions: new Uint8Array(0),
  flowLabel: 0xabcde,
} as const satisfies Partial<Facts>;

export function packet(facts: Facts): Uint8Array {
  return network(facts, facts.protocol === "tcp" ? IpProtocol.TCP : IpProtocol.UDP, transport(facts));
}

/** Its network header with any payload behind. */
export function network(facts: Facts, protocol: number, payload: Uint8Array): Uint8Array {
  const { source, destination, tos, ttl, identification, dontFragment, flowLabel, ipOptions } = facts;
  if (source.family === "ipv6") {
    return encodeIpv6({ source, destination, trafficClass: tos, hopLimit: ttl, flowLabel, nextHeader: protocol, payload });
  }
  return encodeIpv4({ source, destination, tos, ttl, identification, dontFragment, options: ipOptions, protocol, payload });
}

export function transport(facts: Facts): Uint8Array {
  const { sourcePort, destinationPort, payload } = facts;
  if (facts.protocol === "tcp") {
    const { flags, tcpOptions: options } = facts;
    return encodeTcp({ sourcePort, destinationPort, flags, options, payload, sequence: 0x01020304, acknowledgement: 0x0a0b0c0d }, facts);
  }
  return encodeUdp({ sourcePort, destinationPort, payload }, facts, { checksum: facts.udpChecksum });
}

/** A datagram in fragments of that many bytes, as its sender makes them. */
export function fragments(facts: Facts, step: number): Uint8Array[] {
  const whole = transport(facts);
  return Array.from({ length: Math.ceil(whole.length / step) }, (_, i) => {
    const offset = i * step;
    return fragment(facts, whole.subarray(offset, offset + step), { offset, more: offset + step < whole.length });
  });
}

export function fragment(facts: Facts, data: Uint8Array, place: { readonly offset: number; readonly more: boolean }): Uint8Array {
  const { source, destination, tos, ttl, identification, ipOptions: options } = facts;
  const protocol = facts.protocol === "tcp" ? IpProtocol.TCP : IpProtocol.UDP;
  if (source.family === "ipv4") {
    const header = { source, destination, tos, ttl, identification, options, protocol, payload: data, dontFragment: false };
    return encodeIpv4({ ...header, moreFragments: place.more, fragmentOffset: place.offset });
  }
  // RFC 8200 4.5: next header, reserved, offset and "more", identification.
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint8(0, protocol);
  view.setUint16(2, place.offset | (place.more ? 1 : 0));
  view.setUint32(4, identification);
  return network(facts, IpProtocol.FRAGMENT, Uint8Array.from([...header, ...data]));
}

export interface Outer {
  readonly source: Address;
  readonly destination: Address;
  readonly tos: number;
  readonly ttl: number;
  /** IPv4 only. */
  readonly identification: number;
  readonly dontFragment: boolean;
  /** IPv6 only. */
  readonly flowLabel: number;
}

/** A packet in a tunnel's header: RFC 2003, 2473, 4213. */
export function tunnelled(inner: Uint8Array, outer: Outer): Uint8Array {
  return outerHeader(innerProtocol(inner), inner, outer);
}

/** RFC 2784. */
export function inGre(inner: Uint8Array, outer: Outer, options: { readonly checksum: boolean }): Uint8Array {
  const header = new Uint8Array(options.checksum ? 8 : 4);
  const view = new DataView(header.buffer);
  view.setUint16(0, options.checksum ? 0x8000 : 0);
  view.setUint16(2, innerProtocol(inner) === IpProtocol.IPV6 ? 0x86dd : 0x0800);
  const payload = joined(header, inner);
  if (options.checksum) new DataView(payload.buffer).setUint16(4, internetChecksum(payload));
  return outerHeader(IpProtocol.GRE, payload, outer);
}

export const GUE_PORT = 6080;

/** draft-ietf-intarea-gue, version 0: UDP, then four bytes of which one says what is inside. */
export function inGue(inner: Uint8Array, outer: Outer, options: { readonly checksum: boolean; readonly sourcePort: number }): Uint8Array {
  const ports = { sourcePort: options.sourcePort, destinationPort: GUE_PORT };
  const payload = joined(Uint8Array.of(0, innerProtocol(inner), 0, 0), inner);
  return outerHeader(IpProtocol.UDP, encodeUdp({ ...ports, payload }, outer, options), outer);
}

function innerProtocol(inner: Uint8Array): number {
  return (inner[0] ?? 0) >> 4 === 6 ? IpProtocol.IPV6 : IpProtocol.IPIP;
}

function outerHeader(protocol: number, payload: Uint8Array, outer: Outer): Uint8Array {
  const { source, destination, tos, ttl, identification, dontFragment, flowLabel } = outer;
  if (source.family === "ipv6") {
    return encodeIpv6({ source, destination, trafficClass: tos, hopLimit: ttl, flowLabel, nextHeader: protocol, payload });
  }
  return encodeIpv4({ source, destination, tos, ttl, identification, dontFragment, protocol, payload });
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}

/** The director's answer to a packet that it cannot send on: from the VIP, quoting the headers. */
export function icmpAnswer(about: Facts, kind: keyof typeof IcmpKind, rest = 0, quote = headersOf(about)): Uint8Array {
  const ends = { source: about.destination, destination: about.source };
  const ipv6 = about.source.family === "ipv6";
  const [type, code] = IcmpKind[kind][about.source.family];
  const payload = encodeIcmp({ type, code, rest, body: quote }, ends);
  if (ipv6) return encodeIpv6({ ...ends, nextHeader: IpProtocol.ICMPV6, payload });
  return encodeIpv4({ ...ends, tos: 0xc0, dontFragment: false, protocol: IpProtocol.ICMP, payload });
}

function headersOf(facts: Facts): Uint8Array {
  const headers = (facts.source.family === "ipv6" ? 40 : 20 + facts.ipOptions.length) + (facts.protocol === "tcp" ? 20 : 8);
  return packet(facts).subarray(0, headers);
}

/** An ICMP error of anybody's about a packet, of which it quotes what is given. */
export function icmpError(header: Facts, kind: keyof typeof IcmpKind, quote: Uint8Array, rest = 0): Uint8Array {
  const { family } = header.source;
  const [type, code] = IcmpKind[kind][family];
  return network(header, family === "ipv6" ? IpProtocol.ICMPV6 : IpProtocol.ICMP, encodeIcmp({ type, code, rest, body: quote }, header));
}
