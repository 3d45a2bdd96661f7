/** The packets of a case as frames on the director's cable, and what a frame that it sent on says. */

import { type Address, addressFromBytes } from "../../model/address.ts";
import type { ClientPacket, ServerPacket } from "../../scheduler/ipvs-model/ipvs-model.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet } from "../../wire/ethernet.ts";
import { encodeIpv4, IPV4_BYTES, IpProtocol } from "../../wire/ipv4.ts";
import { encodeIpv6, IPV6_BYTES } from "../../wire/ipv6.ts";
import { encodeSctp, SctpChunk } from "../../wire/sctp.ts";
import { encodeTcp, TcpFlag } from "../../wire/tcp.ts";
import { encodeUdp } from "../../wire/udp.ts";

type Segment = ClientPacket["segment"];

interface Ends {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly destinationPort: number;
}

export function requestFrame({ client, clientPort, address, port, segment }: ClientPacket, mac: Uint8Array): Uint8Array {
  return frameOf({ source: client, sourcePort: clientPort, destination: address, destinationPort: port }, segment, mac);
}

export function replyFrame({ server, client, clientPort, segment }: ServerPacket, mac: Uint8Array): Uint8Array {
  return frameOf({ source: server.address, sourcePort: server.port, destination: client, destinationPort: clientPort }, segment, mac);
}

/** Where a frame goes that came out: its outermost addresses. The port is that behind them. */
export function sentTo(frame: Uint8Array): { readonly address: Address; readonly port: number; readonly protocol: number } {
  const view = new DataView(frame.buffer, frame.byteOffset + ETHERNET_BYTES, frame.byteLength - ETHERNET_BYTES);
  const ipv4 = view.getUint8(0) >> 4 === 4;
  const [at, length, behind] = ipv4 ? [16, 4, IPV4_BYTES] : [24, 16, IPV6_BYTES];
  const from = ETHERNET_BYTES + at;
  return {
    address: addressFromBytes(frame.slice(from, from + length)),
    port: view.getUint16(behind + 2),
    protocol: view.getUint8(ipv4 ? 9 : 6),
  };
}

function frameOf(ends: Ends, segment: Segment, mac: Uint8Array): Uint8Array {
  const { source, destination } = ends;
  const { protocol, payload } = transport(ends, segment);
  const ipv6 = source.family === "ipv6";
  const packet = ipv6
    ? encodeIpv6({ source, destination, nextHeader: protocol, payload })
    : encodeIpv4({ source, destination, protocol, payload });
  return encodeEthernet({ destination: mac, source: mac, type: ipv6 ? EtherType.IPV6 : EtherType.IPV4, payload: packet });
}

function transport(ends: Ends, segment: Segment): { readonly protocol: number; readonly payload: Uint8Array } {
  const { sourcePort, destinationPort } = ends;
  switch (segment.protocol) {
    case "tcp": {
      const { syn, ack, fin, rst } = segment.flags;
      const flags = (syn ? TcpFlag.SYN : 0) | (ack ? TcpFlag.ACK : 0) | (fin ? TcpFlag.FIN : 0) | (rst ? TcpFlag.RST : 0);
      return { protocol: IpProtocol.TCP, payload: encodeTcp({ sourcePort, destinationPort, flags }, ends) };
    }
    case "udp":
      return { protocol: IpProtocol.UDP, payload: encodeUdp({ sourcePort, destinationPort, payload: new Uint8Array(4) }, ends) };
    case "sctp":
      return {
        protocol: IpProtocol.SCTP,
        payload: encodeSctp({ sourcePort, destinationPort, chunks: [{ type: SctpChunk[segment.chunk] }] }),
      };
  }
}
