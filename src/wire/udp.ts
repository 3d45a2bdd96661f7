/** UDP datagrams (RFC 768). A checksum of zero says that there is none; one that comes out as zero is written as its twin, 0xffff. */

import { type Ends, transportChecksum } from "./internet-checksum.ts";
import { IpProtocol } from "./ipv4.ts";
import { badPacket, copyOf, fits, headerView } from "./packet-view.ts";

export const UDP_BYTES = 8;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export interface ReceivedUdpDatagram extends UdpDatagram {
  readonly checksum: "right" | "wrong" | "none";
}

export function encodeUdp(datagram: UdpDatagram, ends: Ends, options: { readonly checksum: boolean } = { checksum: true }): Uint8Array {
  const bytes = new Uint8Array(UDP_BYTES + datagram.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fits(datagram.sourcePort, 16, "sourcePort"));
  view.setUint16(2, fits(datagram.destinationPort, 16, "destinationPort"));
  view.setUint16(4, fits(bytes.length, 16, "the length of a UDP datagram"));
  bytes.set(datagram.payload, UDP_BYTES);
  if (options.checksum) view.setUint16(6, transportChecksum(ends, IpProtocol.UDP, bytes) || 0xffff);
  return bytes;
}

export function decodeUdp(bytes: Uint8Array, ends: Ends): ReceivedUdpDatagram {
  const view = headerView(bytes, UDP_BYTES, "UDP header");
  const length = view.getUint16(4);
  if (length < UDP_BYTES || length > bytes.length) throw badPacket("UDP datagram", `${bytes.length} bytes of ${length}`);
  const whole = bytes.subarray(0, length);
  const judged = transportChecksum(ends, IpProtocol.UDP, whole) === 0 ? "right" : "wrong";
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: copyOf(whole, UDP_BYTES),
    checksum: view.getUint16(6) === 0 ? "none" : judged,
  };
}
