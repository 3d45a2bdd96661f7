/** Frames made by hand, so that what the program is given is not made by the code it is checked with. */

import { packetBytes, parseAddress } from "../../src/model/address.ts";

export function ethernet(destinationMac: string, type: number, packet: Uint8Array): Uint8Array {
  const mac = destinationMac.split(":").map((byte) => Number.parseInt(byte, 16));
  return Uint8Array.from([...mac, 2, 0, 0, 0, 0, 1, type >> 8, type & 0xff, ...packet]);
}

export function ipv4(from: string, to: string, protocol: number, payload: Uint8Array, tos = 0): Uint8Array {
  const length = 20 + payload.length;
  const head = Uint8Array.from([0x45, tos, length >> 8, length & 0xff, 0, 1, 0x40, 0, 64, protocol, 0, 0, ...bytes(from), ...bytes(to)]);
  new DataView(head.buffer).setUint16(10, checksum(head));
  return Uint8Array.from([...head, ...payload]);
}

export function ipv6(from: string, to: string, protocol: number, payload: Uint8Array, trafficClass = 0): Uint8Array {
  const { length } = payload;
  const words = [0x60 | (trafficClass >> 4), (trafficClass & 0xf) << 4, 0, 0, length >> 8, length & 0xff, protocol, 64];
  return Uint8Array.from([...words, ...bytes(from), ...bytes(to), ...payload]);
}

export function udp(from: string, to: string, fromPort: number, toPort: number, text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const length = 8 + payload.length;
  const datagram = Uint8Array.from([
    fromPort >> 8,
    fromPort & 0xff,
    toPort >> 8,
    toPort & 0xff,
    length >> 8,
    length & 0xff,
    0,
    0,
    ...payload,
  ]);
  const pseudo = Uint8Array.from([...bytes(from), ...bytes(to), 0, 17, length >> 8, length & 0xff, ...datagram]);
  new DataView(datagram.buffer).setUint16(6, checksum(pseudo));
  return datagram;
}

/** RFC 1071, summed anew. */
export function checksum(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += ((data[i] ?? 0) << 8) | (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function bytes(text: string): Uint8Array {
  return packetBytes(parseAddress(text));
}
