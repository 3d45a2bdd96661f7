/** TCP segments (RFC 9293). Options stay bytes. */

import { type Ends, transportChecksum } from "./internet-checksum.ts";
import { IpProtocol } from "./ipv4.ts";
import { badPacket, copyOf, fits, headerView, optionsFit } from "./packet-view.ts";

export const TcpFlag = Object.freeze({ FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20, ECE: 0x40, CWR: 0x80 } as const);

export const TCP_BYTES = 20;

export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** Bits of TcpFlag. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export interface ReceivedTcpSegment extends TcpSegment {
  readonly checksum: "right" | "wrong";
}

export const TCP_DEFAULTS = {
  sequence: 0,
  acknowledgement: 0,
  window: 65535,
  urgent: 0,
  options: new Uint8Array(0),
  payload: new Uint8Array(0),
} as const satisfies Partial<TcpSegment>;

export function encodeTcp(given: Omit<TcpSegment, keyof typeof TCP_DEFAULTS> & Partial<TcpSegment>, ends: Ends): Uint8Array {
  const segment: TcpSegment = { ...TCP_DEFAULTS, ...given };
  const headerBytes = TCP_BYTES + optionsFit(segment.options, "the options of TCP").length;
  const bytes = new Uint8Array(headerBytes + segment.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fits(segment.sourcePort, 16, "sourcePort"));
  view.setUint16(2, fits(segment.destinationPort, 16, "destinationPort"));
  view.setUint32(4, fits(segment.sequence, 32, "sequence"));
  view.setUint32(8, fits(segment.acknowledgement, 32, "acknowledgement"));
  view.setUint8(12, (headerBytes / 4) << 4);
  view.setUint8(13, fits(segment.flags, 8, "flags"));
  view.setUint16(14, fits(segment.window, 16, "window"));
  view.setUint16(18, fits(segment.urgent, 16, "urgent"));
  bytes.set(segment.options, TCP_BYTES);
  bytes.set(segment.payload, headerBytes);
  view.setUint16(16, transportChecksum(ends, IpProtocol.TCP, bytes));
  return bytes;
}

export function decodeTcp(bytes: Uint8Array, ends: Ends): ReceivedTcpSegment {
  const view = headerView(bytes, TCP_BYTES, "TCP header");
  const headerBytes = (view.getUint8(12) >> 4) * 4;
  if (headerBytes < TCP_BYTES || headerBytes > bytes.length) {
    throw badPacket("TCP header", `it says it has ${headerBytes} bytes; ${bytes.length} are there`);
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags: view.getUint8(13),
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: copyOf(bytes, TCP_BYTES, headerBytes),
    payload: copyOf(bytes, headerBytes),
    checksum: transportChecksum(ends, IpProtocol.TCP, bytes) === 0 ? "right" : "wrong",
  };
}
