/** ICMP messages of both families (RFC 792, RFC 4443): eight bytes and what they speak of. */

import { type Ends, internetChecksum, transportChecksum } from "./internet-checksum.ts";
import { IpProtocol } from "./ipv4.ts";
import { copyOf, fits, headerView } from "./packet-view.ts";

export const ICMP_BYTES = 8;

/** Type and code, for each family. */
export const IcmpKind = Object.freeze({
  echoRequest: { ipv4: [8, 0], ipv6: [128, 0] },
  echoReply: { ipv4: [0, 0], ipv6: [129, 0] },
  /** The last four bytes are the next hop's MTU (RFC 1191; IPv4 has it in the lower half). */
  tooBig: { ipv4: [3, 4], ipv6: [2, 0] },
  timeExceeded: { ipv4: [11, 0], ipv6: [3, 0] },
  portUnreachable: { ipv4: [3, 3], ipv6: [1, 4] },
  hostUnreachable: { ipv4: [3, 1], ipv6: [1, 3] },
  parameterProblem: { ipv4: [12, 0], ipv6: [4, 0] },
} as const);

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** The four bytes behind the checksum: an MTU, an echo's identifier and sequence, or zero. */
  readonly rest: number;
  /** Of an error: the packet it speaks of, cut. */
  readonly body: Uint8Array;
}

export interface ReceivedIcmpMessage extends IcmpMessage {
  readonly checksum: "right" | "wrong";
}

/** The ends say which family it is, and IPv6's checksum covers them. */
export function encodeIcmp(message: IcmpMessage, ends: Ends): Uint8Array {
  const bytes = new Uint8Array(ICMP_BYTES + message.body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, fits(message.type, 8, "type"));
  view.setUint8(1, fits(message.code, 8, "code"));
  view.setUint32(4, fits(message.rest, 32, "rest"));
  bytes.set(message.body, ICMP_BYTES);
  view.setUint16(2, icmpChecksum(bytes, ends));
  return bytes;
}

export function decodeIcmp(bytes: Uint8Array, ends: Ends): ReceivedIcmpMessage {
  const view = headerView(bytes, ICMP_BYTES, "ICMP message");
  return {
    type: view.getUint8(0),
    code: view.getUint8(1),
    rest: view.getUint32(4),
    body: copyOf(bytes, ICMP_BYTES),
    checksum: icmpChecksum(bytes, ends) === 0 ? "right" : "wrong",
  };
}

function icmpChecksum(bytes: Uint8Array, ends: Ends): number {
  return ends.source.family === "ipv6" ? transportChecksum(ends, IpProtocol.ICMPV6, bytes) : internetChecksum(bytes);
}
