/**
 * The traffic that the recordings 061 to 101 were made under, once more, frame by frame: each packet as long as the clients' and servers'
 * Linux made it, so that every counter must come out. It enters by BPF_PROG_TEST_RUN, in the namespace of the calling process; the
 * servers' answers go back from wherever the packet path sent the request.
 */

import type { PacketPath } from "../../src/director/packet-path.ts";
import { getLink } from "../../src/kernel/links.ts";
import { testRunTc } from "../../src/kernel/test-run.ts";
import { type Address, addressFromBytes, formatEndpoint, parseAddress } from "../../src/model/address.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet, parseMac } from "../../src/wire/ethernet.ts";
import { TcpFlag } from "../../src/wire/tcp.ts";
import { type Facts, packet, USUAL } from "../packet-rows/packets.ts";

/** Everybody beyond either cable. */
export const NEIGHBOUR_MAC = "02:00:00:00:00:01";

const VIP = "207.1.1.1";
const VIP6 = "fd07::1";

interface End {
  readonly address: Address;
  readonly port: number;
}

interface Conversation {
  readonly client: End;
  readonly virtual: End;
  /** Bytes asked; the answer has three times as many. */
  readonly asked: number;
  readonly ends: boolean;
}

/** Timestamps; and in a SYN the length of segments, the window's scale and selective acknowledgement besides. */
const OPTIONS = { usual: 12, syn: 20 } as const;

export function playTraffic(path: PacketPath): void {
  for (let i = 0; i < 6; i++) talk(path, tcp(`10.0.0.${i + 1}`, 30_000 + i, { address: VIP, port: 80, asked: 100, ends: i > 3 }));
  for (let i = 0; i < 2; i++) talk(path, tcp(`10.9.0.${i + 1}`, 31_000 + i, { address: VIP, port: 22, asked: 50 }));
  for (let i = 0; i < 3; i++) talk(path, tcp(`fd10::${i + 1}`, 32_000 + i, { address: VIP6, port: 80, asked: 200 }));
  for (let i = 0; i < 4; i++) datagram(path, { source: `10.0.1.${i + 1}`, sourcePort: 33_000 + i, destinationPort: 53, bytes: 64 });
  for (let i = 0; i < 5; i++) datagram(path, { source: "10.0.2.1", sourcePort: 34_000, destinationPort: 5060, bytes: 20 });
}

/** A connection that sends much more between its first packets and its last than is sent here: its beginning and its end. */
export function playBulkEnds(path: PacketPath): void {
  talk(path, tcp("10.0.3.1", 35_000, { address: VIP, port: 80, asked: 0, ends: true }));
}

interface Asked {
  readonly address: string;
  readonly port: number;
  readonly asked: number;
  readonly ends?: boolean;
}

function tcp(source: string, sourcePort: number, { address, port, asked, ends = false }: Asked): Conversation {
  return {
    client: { address: parseAddress(source), port: sourcePort },
    virtual: { address: parseAddress(address), port },
    asked,
    ends,
  };
}

function talk(path: PacketPath, { client, virtual, asked, ends }: Conversation): void {
  const { SYN, ACK, PSH, FIN } = TcpFlag;
  const forth = (flags: number, bytes = 0): End => sentTo(send(path, "dc", segment({ from: client, to: virtual, flags, bytes })));
  const server = forth(SYN);
  const back = (flags: number, bytes = 0): void => {
    const { address, port } = sentTo(send(path, "ds", segment({ from: server, to: client, flags, bytes })));
    if (formatEndpoint(address, port) !== formatEndpoint(client.address, client.port)) throw new Error("an answer went astray");
  };
  back(SYN | ACK);
  forth(ACK);
  if (asked > 0) {
    forth(PSH | ACK, asked);
    back(ACK);
    back(PSH | ACK, asked * 3);
    forth(ACK);
  }
  if (ends) {
    forth(FIN | ACK);
    back(FIN | ACK);
    forth(ACK);
  }
}

interface Segment {
  readonly from: End;
  readonly to: End;
  readonly flags: number;
  readonly bytes: number;
}

function segment({ from, to, flags, bytes }: Segment): Facts {
  const options = (flags & TcpFlag.SYN) === 0 ? OPTIONS.usual : OPTIONS.syn;
  return {
    ...USUAL,
    source: from.address,
    sourcePort: from.port,
    destination: to.address,
    destinationPort: to.port,
    flags,
    // Options that say nothing (RFC 9293 3.1, kind 1): only their number is counted.
    tcpOptions: new Uint8Array(options).fill(1),
    payload: new Uint8Array(bytes),
  };
}

interface Datagram {
  readonly source: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly bytes: number;
}

/** The servers of the recordings answered from another address than they were asked at: nothing came back. */
function datagram(path: PacketPath, { source, sourcePort, destinationPort, bytes }: Datagram): void {
  const ends = { source: parseAddress(source), destination: parseAddress(VIP), sourcePort, destinationPort };
  send(path, "dc", { ...USUAL, ...ends, protocol: "udp", payload: new Uint8Array(bytes) });
}

/** The frame as it leaves. */
function send(path: PacketPath, interfaceName: "dc" | "ds", facts: Facts): Uint8Array {
  const { index, mac } = getLink(interfaceName);
  const type = facts.source.family === "ipv6" ? EtherType.IPV6 : EtherType.IPV4;
  const frame = encodeEthernet({ destination: mac, source: parseMac(NEIGHBOUR_MAC), type, payload: packet(facts) });
  return testRunTc(path.tcProgram, frame, { buffer: { ifindex: index } }).data;
}

/** No extension header, no option: both are where they usually are. */
function sentTo(frame: Uint8Array): End {
  const view = new DataView(frame.buffer, frame.byteOffset + ETHERNET_BYTES, frame.byteLength - ETHERNET_BYTES);
  const [from, to] = view.getUint8(0) >> 4 === 6 ? [24, 40] : [16, 20];
  const address = addressFromBytes(new Uint8Array(view.buffer, view.byteOffset + from, to - from));
  return { address, port: view.getUint16(to + 2) };
}
