/** Who plays in the rows: one client, one virtual address a family, servers by number; and the packets they send each other. */

import { type Address, type Family, parseAddress } from "../../src/model/address.ts";
import type { ForwardingMethod, RealServer, VirtualService } from "../../src/model/service.ts";
import { TcpFlag } from "../../src/wire/tcp.ts";
import { type Facts, type Transport, USUAL } from "./packets.ts";
import type { DeedStep, Expectation, PacketStep } from "./row.ts";
import { CLIENTS } from "./stage.ts";

export const FAMILIES = ["ipv4", "ipv6"] as const satisfies readonly Family[];

export const VIPS = { ipv4: parseAddress("192.0.2.1"), ipv6: parseAddress("2001:db8::1") } as const;

/** Where tunnels begin: the director's own addresses towards the servers. */
export const TUNNEL_SOURCES = { ipv4: parseAddress("10.77.0.254"), ipv6: parseAddress("fd77::fe") } as const;

/** No neighbour: the way leads through host 100. */
export const BEHIND_GATEWAY = parseAddress("10.88.0.1");

export const { SYN, ACK, FIN, RST, PSH } = TcpFlag;

export function serverAddress(family: Family, n: number): Address {
  return parseAddress(family === "ipv4" ? `10.77.0.${n}` : `fd77::${n}`);
}

export function server(family: Family, method: ForwardingMethod, facts: Partial<RealServer> & { readonly n?: number } = {}): RealServer {
  const { n = 1, ...rest } = facts;
  return { address: serverAddress(family, n), port: 80, weight: 1, method, ...rest };
}

export function service(family: Family, servers: readonly RealServer[], facts: Partial<VirtualService> = {}): VirtualService {
  return { address: VIPS[family], port: 80, protocol: "tcp", scheduler: "rr", servers, ...facts };
}

/** From the client to the virtual service. */
export function request(family: Family, facts: Partial<Facts> = {}): Facts {
  return { ...USUAL, source: CLIENTS[family], destination: VIPS[family], ...facts };
}

/** From a NAT server to the client. */
export function reply(from: RealServer, facts: Partial<Facts> = {}): Facts {
  const { family } = from.address;
  const ports = { sourcePort: from.port, destinationPort: USUAL.sourcePort };
  return { ...USUAL, source: from.address, destination: CLIENTS[family], ...ports, flags: SYN | ACK, ...facts };
}

/** One hop further. */
export function hopped(facts: Facts): Facts {
  return { ...facts, ttl: facts.ttl - 1 };
}

/** As NAT sends a request on, and a reply. */
export function towards(to: RealServer, facts: Facts): Facts {
  return { ...hopped(facts), destination: to.address, destinationPort: to.port };
}

export function asIfFrom(vip: Pick<VirtualService, "address" | "port">, facts: Facts): Facts {
  return { ...hopped(facts), source: vip.address, sourcePort: vip.port };
}

export function passed(outcome: string): Expectation {
  return { kind: "passed", outcome };
}

export function dropped(outcome: string): Expectation {
  return { kind: "dropped", outcome };
}

/** What tc answers XDP leaves to it. */
export function answeredByTc(tc: Expectation): PacketStep["expect"] {
  return { tc, xdp: passed("PASS_TO_TC") };
}

export function left(of: RealServer, connections: number, active: number, inactive: number) {
  return { server: of, connections, active, inactive };
}

/** One new connection, as it stands after its first packet. */
export function opened(of: RealServer, protocol: Transport) {
  return left(of, 1, protocol === "tcp" ? 1 : 0, protocol === "tcp" ? 0 : 1);
}

/** The control plane does something. */
export function apply(deed: string, ...changes: Parameters<Parameters<DeedStep["perform"]>[0]["plane"]["apply"]>[0][]): DeedStep {
  return {
    deed,
    perform: (stage) => {
      for (const change of changes) stage.plane.apply(change);
      stage.settle();
    },
  };
}
