/**
 * The servers of a packet path, by number. A deleted server keeps its number while connections refer to it, and gets it
 * back when it returns to the same service meanwhile (IPVS's trash, ip_vs_trash_get_dest()).
 */

import { type Address, addressFromBytes, packetBytes } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { type ForwardingMethod, type RealServer, serverName, type Tunnel } from "../model/service.ts";
import {
  Family,
  ForwardingMethod as MethodNumber,
  type Server,
  ServerFlag,
  serverCodec,
  serverLoadCodec,
  TunnelFlag,
  TunnelType,
} from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";
import type { ServerWay } from "./server-way.ts";

const METHOD_NUMBERS = {
  nat: MethodNumber.NAT,
  dr: MethodNumber.DIRECT,
  tun: MethodNumber.TUNNEL,
} as const satisfies Record<ForwardingMethod, number>;

const TUNNEL_NUMBERS = {
  ipip: TunnelType.IPIP,
  gre: TunnelType.GRE,
  gue: TunnelType.GUE,
} as const satisfies Record<Tunnel["type"], number>;

const NOWHERE = new Uint8Array(16);

/** What a server's entry says of it beside its way: all but the weight, which stands in the plans. */
export type ServerEntry = Omit<RealServer, "weight">;

export class ServerTable {
  readonly #path: PacketPath;
  /** Deleted servers that had connections when they went, by service, address and port. */
  readonly #trash = new Map<string, number>();
  /** Where the search for a free number begins: numbers are used anew only after all others were. */
  #next = 0;

  constructor(path: PacketPath) {
    this.#path = path;
    for (const number of this.#numbers()) {
      this.#next = number + 1;
      if (this.#flags(number) === 0) this.#trash.set(this.#name(number), number);
    }
  }

  /** A number for a server of a service, its entry written. */
  add(service: number, server: ServerEntry, way: ServerWay | undefined): number {
    const number = this.#revivable(service, server) ?? this.#unused();
    this.write(number, service, server, way);
    return number;
  }

  /** Whether its entry was another before. */
  write(number: number, service: number, server: ServerEntry, way: ServerWay | undefined): boolean {
    const tunnel = server.method === "tun" ? server.tunnel : undefined;
    const entry: Server = {
      address: server.address.bytes,
      tunnelSource: way?.source?.bytes ?? NOWHERE,
      port: server.port,
      family: familyNumber(server.address),
      method: METHOD_NUMBERS[server.method],
      flags: ServerFlag.AVAILABLE,
      service,
      ifindex: way?.ifindex ?? 0,
      mtu: way?.mtu ?? 0,
      tunnelType: TUNNEL_NUMBERS[tunnel?.type ?? "ipip"],
      tunnelFlags: tunnel?.checksum ? TunnelFlag.CHECKSUM : 0,
      tunnelPort: tunnel?.port ?? 0,
      nextHop: way?.nextHop.bytes ?? NOWHERE,
      nextHopFamily: way === undefined ? Family.NONE : familyNumber(way.nextHop),
      weight: 0,
      pathMtu: 0,
      pathMtuUntil: 0,
    };
    if (sameBytes(serverCodec, entry, this.#path.servers.read(number))) return false;
    this.#path.servers.write(number, entry);
    return true;
  }

  /** It gets no more packets. Its number is free when its last connection is. */
  remove(number: number): void {
    const entry = this.#path.servers.read(number);
    this.#path.servers.write(number, { ...entry, flags: entry.flags & ~ServerFlag.AVAILABLE });
    this.#trash.set(this.#name(number), number);
  }

  /** Removes those that no list names: of a change that was cut short. */
  removeAllBut(listed: ReadonlySet<number>): void {
    for (const number of this.#numbers()) if (this.#flags(number) !== 0 && !listed.has(number)) this.remove(number);
  }

  read(number: number): ServerEntry {
    const entry = this.#path.servers.read(number);
    return { address: addressOf(entry.address, entry.family), port: entry.port, method: methodName(entry.method) };
  }

  service(number: number): number {
    return this.#path.servers.read(number).service;
  }

  /** Every server that gets packets or still has connections. */
  all(): readonly (ServerEntry & { readonly connected: boolean })[] {
    return [...this.#numbers()]
      .map((number) => ({ number, connected: this.#total(number) > 0 }))
      .filter(({ number, connected }) => this.#flags(number) !== 0 || connected)
      .map(({ number, connected }) => ({ ...this.read(number), connected }));
  }

  /** Services of deleted servers that still have connections. */
  servicesLeft(): ReadonlySet<number> {
    const left = [...this.#trash.values()].filter((number) => this.#flags(number) === 0 && this.#total(number) > 0);
    return new Set(left.map((number) => this.service(number)));
  }

  connections(number: number): { readonly active: number; readonly inactive: number } {
    const { active, total } = this.#path.serverLoad.read(number);
    return { active, inactive: Math.max(0, total - active) };
  }

  #revivable(service: number, server: ServerEntry): number | undefined {
    const number = this.#trash.get(trashName(service, server));
    if (number === undefined) return undefined;
    this.#trash.delete(trashName(service, server));
    return this.#flags(number) === 0 && this.#total(number) > 0 ? number : undefined;
  }

  #unused(): number {
    const { length } = this.#path.servers;
    for (let i = 0; i < length; i++) {
      const number = (this.#next + i) % length;
      if (this.#flags(number) !== 0 || this.#total(number) !== 0) continue;
      this.#next = number + 1;
      this.#path.serverLoad.write(number, { active: 0, total: 0, persistent: 0, flags: 0, upper: 0, lower: 0, group: 0 });
      this.#path.maps.server_traffic.update(number, { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n });
      this.#path.maps.neighbours.update(number, NO_NEIGHBOUR);
      return number;
    }
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${length} servers and has no room for another`, {
      cure: "remove servers that are not needed, or wait until the connections of deleted ones have ended",
    });
  }

  /** Numbers that were used at all. */
  *#numbers(): Generator<number> {
    const { view, stride, length } = this.#path.servers;
    for (let number = 0; number < length; number++) if (view.getUint8(number * stride + serverCodec.offsets.family) !== 0) yield number;
  }

  #name(number: number): string {
    return trashName(this.service(number), this.read(number));
  }

  #flags(number: number): number {
    const { view, stride } = this.#path.servers;
    return view.getUint32(number * stride + serverCodec.offsets.flags, true);
  }

  #total(number: number): number {
    const { view, stride } = this.#path.serverLoad;
    return view.getUint32(number * stride + serverLoadCodec.offsets.total, true);
  }
}

function trashName(service: number, server: Pick<ServerEntry, "address" | "port">): string {
  return `${service} ${serverName(server)}`;
}

const NO_NEIGHBOUR = { validUntil: 0, ifindex: 0, destinationMac: new Uint8Array(6), sourceMac: new Uint8Array(6), mtu: 0 };

export function addressOf(bytes: Uint8Array, family: number): Address {
  return addressFromBytes(family === Family.IPV4 ? bytes.slice(0, 4) : bytes);
}

export function familyNumber(address: Address): number {
  return packetBytes(address).length === 4 ? Family.IPV4 : Family.IPV6;
}

function methodName(number: number): ForwardingMethod {
  const found = (Object.keys(METHOD_NUMBERS) as ForwardingMethod[]).find((name) => METHOD_NUMBERS[name] === number);
  if (found === undefined)
    throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path holds a server with the unknown forwarding method ${number}`);
  return found;
}

function sameBytes<T>(codec: { size: number; encode(view: DataView, offset: number, value: T): void }, one: T, other: T): boolean {
  const views = [one, other].map((value) => {
    const view = new DataView(new ArrayBuffer(codec.size));
    codec.encode(view, 0, value);
    return Buffer.from(view.buffer);
  });
  return views[0]?.equals(views[1] ?? Buffer.alloc(0)) ?? false;
}
