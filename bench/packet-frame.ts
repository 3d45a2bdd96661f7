/** The frames that are measured: Ethernet, IPv4 or IPv6, TCP, and a payload of zeroes. */

import type { Address } from "../src/model/address.ts";
import { packetBytes } from "../src/model/address.ts";

export const TCP_SYN = 0x02;
export const TCP_ACK = 0x10;

const ETHERNET_BYTES = 14;
const TCP_BYTES = 20;
const PAYLOAD_BYTES = 54;
const PROTOCOL_TCP = 6;

export interface FrameFields {
  readonly destinationMac: Uint8Array;
  readonly sourceMac: Uint8Array;
  readonly client: Address;
  readonly clientPort: number;
  readonly virtual: Address;
  readonly virtualPort: number;
  readonly tcpFlags: number;
}

export function tcpFrame(fields: FrameFields): Uint8Array {
  const ipv4 = fields.client.family === "ipv4";
  const headerBytes = ipv4 ? 20 : 40;
  const frame = new Uint8Array(ETHERNET_BYTES + headerBytes + TCP_BYTES + PAYLOAD_BYTES);
  const view = new DataView(frame.buffer);
  frame.set(fields.destinationMac, 0);
  frame.set(fields.sourceMac, 6);
  view.setUint16(12, ipv4 ? 0x0800 : 0x86dd);
  const network = ETHERNET_BYTES;
  if (ipv4) {
    frame[network] = 0x45;
    view.setUint16(network + 2, frame.length - network);
    view.setUint16(network + 6, 0x4000);
    frame[network + 8] = 64;
    frame[network + 9] = PROTOCOL_TCP;
    frame.set(packetBytes(fields.client), network + 12);
    frame.set(packetBytes(fields.virtual), network + 16);
    view.setUint16(network + 10, checksum(frame.subarray(network, network + headerBytes)));
  } else {
    frame[network] = 0x60;
    view.setUint16(network + 4, TCP_BYTES + PAYLOAD_BYTES);
    frame[network + 6] = PROTOCOL_TCP;
    frame[network + 7] = 64;
    frame.set(packetBytes(fields.client), network + 8);
    frame.set(packetBytes(fields.virtual), network + 24);
  }
  const tcp = network + headerBytes;
  view.setUint16(tcp, fields.clientPort);
  view.setUint16(tcp + 2, fields.virtualPort);
  frame[tcp + 12] = 0x50;
  frame[tcp + 13] = fields.tcpFlags;
  view.setUint16(tcp + 14, 0xffff);
  // TCP's checksum is altered, never verified, on the way through.
  view.setUint16(tcp + 16, 0x1234);
  return frame;
}

function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
