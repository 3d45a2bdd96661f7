/**
 * The lab's cluster as plain values: who stands where, with which addresses and which cables.
 *
 *   client ── router ──front── director
 *                └──────LAN──────┴── rs1 … rsN        (the LAN is a bridge in a namespace of its own, "switch")
 *
 * One building serves all three ways. NAT: the VIP is on the front network and the director is the real servers' gateway.
 * DR and TUN: the VIP is on the LAN, which the router shares with the real servers, and the router is their gateway.
 * Every lab has the same addresses: namespaces keep them apart.
 */

import type { Family } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { HookChoice } from "../model/plane.ts";
import type { ForwardingMethod, SchedulerName, Tunnel } from "../model/service.ts";

export const SERVERS_MAX = 50;
export const CLIENTS_MAX = 200;

export interface LabOptions {
  readonly name: string;
  readonly method: ForwardingMethod;
  /** Which of the two VIPs requests go to by default; both are always served. */
  readonly family: Family;
  readonly servers: number;
  /** Addresses of the client's, for as many clients as the director sees. */
  readonly clients: number;
  readonly hook: HookChoice;
  readonly scheduler: SchedulerName;
  /** Of rs1, rs2, …; as many as there are servers. */
  readonly weights: readonly number[];
  /** Seconds for which a client stays with its server; 0: each connection goes its own way. */
  readonly persistent: number;
  /** tun: what is put around the packets. */
  readonly tunnel: Tunnel["type"];
  /** Off: no device computes checksums or segments later than it should, as between real machines. */
  readonly offload: boolean;
}

export const DEFAULT_OPTIONS: LabOptions = {
  name: "lab",
  method: "nat",
  family: "ipv4",
  servers: 3,
  clients: 1,
  hook: "auto",
  scheduler: "rr",
  weights: [],
  persistent: 0,
  tunnel: "ipip",
  offload: true,
};

/** An address in each family. */
export interface Pair {
  readonly ipv4: string;
  readonly ipv6: string;
}

export const ADDRESSES = {
  client: { ipv4: "198.51.100.2", ipv6: "2001:db8:1::2" },
  routerClient: { ipv4: "198.51.100.1", ipv6: "2001:db8:1::1" },
  routerFront: { ipv4: "192.0.2.1", ipv6: "2001:db8:2::1" },
  directorFront: { ipv4: "192.0.2.2", ipv6: "2001:db8:2::2" },
  routerLan: { ipv4: "10.0.0.1", ipv6: "2001:db8:3::1" },
  directorLan: { ipv4: "10.0.0.2", ipv6: "2001:db8:3::2" },
  /** In no network of its own: the router's route says on which side it is. */
  vip: { ipv4: "203.0.113.80", ipv6: "2001:db8::80" },
} as const satisfies Record<string, Pair>;

export const PORTS = {
  http: 80,
  /** The second HTTP service; with NAT it is mapped to `mapped` on the real servers. */
  alternate: 8080,
  mapped: 8081,
  udp: 9000,
} as const;

/** The director's two arms. */
export const FRONT = "eth0";
export const LAN = "eth1";

export interface Port {
  readonly name: string;
  readonly addresses: readonly string[];
}

export interface Node {
  /** "client", "router", "director", "switch", "rs1", … */
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly Port[];
  readonly gateway?: Pair;
  readonly forwards: boolean;
}

/** Two interfaces and the wire between them. */
export interface Cable {
  readonly from: { readonly node: string; readonly port: string };
  readonly to: { readonly node: string; readonly port: string };
}

export interface Topology {
  readonly lab: string;
  readonly nodes: readonly Node[];
  readonly cables: readonly Cable[];
}

export function serverNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `rs${i + 1}`);
}

/** rs1 is 10.0.0.11 and 2001:db8:3::11. */
export function serverAddress(server: string): Pair {
  const number = 10 + Number(server.slice(2));
  return { ipv4: `10.0.0.${number}`, ipv6: `2001:db8:3::${number}` };
}

/** The first client is 198.51.100.2 and 2001:db8:1::2, and has what it sends unless told otherwise; the second is .3 and ::3. */
export function clientAddress(number: number): Pair {
  return { ipv4: `198.51.100.${1 + number}`, ipv6: `2001:db8:1::${(1 + number).toString(16)}` };
}

export function namespaceOf(lab: string, node: string): string {
  return `ek-${lab}-${node}`;
}

/** Where the VIP stands, and with it where the router looks for it and whom real servers answer through. */
export function sides(method: ForwardingMethod): { vipPort: typeof FRONT | typeof LAN; routerPort: "eth1" | "eth2"; gateway: Pair } {
  return method === "nat"
    ? { vipPort: FRONT, routerPort: "eth1", gateway: ADDRESSES.directorLan }
    : { vipPort: LAN, routerPort: "eth2", gateway: ADDRESSES.routerLan };
}

export function topologyOf(options: Pick<LabOptions, "name" | "servers"> & Partial<Pick<LabOptions, "clients">>): Topology {
  const servers = serverNames(options.servers);
  const clients = Array.from({ length: options.clients ?? 1 }, (_, i) => clientAddress(i + 1));
  const node = (name: string, ports: Node["ports"], more: { gateway?: Pair; forwards?: boolean } = {}): Node => ({
    name,
    namespace: namespaceOf(options.name, name),
    ports,
    forwards: false,
    ...more,
  });
  return {
    lab: options.name,
    nodes: [
      node("switch", []),
      node("client", [port("eth0", ...clients)], { gateway: ADDRESSES.routerClient }),
      node("router", [port("eth0", ADDRESSES.routerClient), port("eth1", ADDRESSES.routerFront), port("eth2", ADDRESSES.routerLan)], {
        forwards: true,
      }),
      node("director", [port(FRONT, ADDRESSES.directorFront), port(LAN, ADDRESSES.directorLan)], {
        gateway: ADDRESSES.routerFront,
        forwards: true,
      }),
      ...servers.map((name) => node(name, [port("eth0", serverAddress(name))], { gateway: ADDRESSES.routerLan })),
    ],
    cables: [
      { from: { node: "client", port: "eth0" }, to: { node: "router", port: "eth0" } },
      { from: { node: "router", port: "eth1" }, to: { node: "director", port: FRONT } },
      { from: { node: "switch", port: "router" }, to: { node: "router", port: "eth2" } },
      { from: { node: "switch", port: "director" }, to: { node: "director", port: LAN } },
      ...servers.map((name) => ({ from: { node: "switch", port: name }, to: { node: name, port: "eth0" } })),
    ],
  };
}

/** Completes what a caller left open and refuses what cannot be built. */
export function labOptions(given: Partial<LabOptions>): LabOptions {
  const options = { ...DEFAULT_OPTIONS, ...given };
  checkLabName(options.name);
  if (!Number.isInteger(options.servers) || options.servers < 1 || options.servers > SERVERS_MAX)
    throw new EvenkeelError("BAD_ARGUMENT", `a lab has 1 to ${SERVERS_MAX} real servers, not ${options.servers}`);
  if (!Number.isInteger(options.clients) || options.clients < 1 || options.clients > CLIENTS_MAX)
    throw new EvenkeelError("BAD_ARGUMENT", `a lab has 1 to ${CLIENTS_MAX} clients, not ${options.clients}`);
  const weights = options.weights.length === 0 ? serverNames(options.servers).map(() => 1) : options.weights;
  if (weights.length !== options.servers)
    throw new EvenkeelError("BAD_ARGUMENT", `${weights.length} weights were given for ${options.servers} real servers`, {
      cure: "give one weight for each server, as in --servers 3 --weights 3,2,1",
    });
  return { ...options, weights };
}

/** No dash, so that the namespaces of lab "a" are never taken for those of a lab "a-b". */
export function checkLabName(name: string): void {
  if (!/^[a-z][a-z0-9]{0,15}$/.test(name))
    throw new EvenkeelError("BAD_ARGUMENT", `"${name}" cannot be the name of a lab`, {
      cure: "use 1 to 16 lower-case letters and digits, a letter first",
    });
}

function port(name: string, ...addresses: readonly Pair[]): Port {
  return { name, addresses: addresses.flatMap(({ ipv4, ipv6 }) => [`${ipv4}/24`, `${ipv6}/64`]) };
}
