/**
 * The servers of a packet path, by number. A deleted server keeps its number while connections or templates refer to it, and gets it
 * back when it returns to the same service meanwhile, with its counters (IPVS's trash, ip_vs_trash_get_dest()).
 */

import type { ServerName } from "../model/edit.ts";
import { EvenkeelError } from "../model/error.ts";
import { type RealServer, serverName } from "../model/service.ts";
import { Family, ForwardingMethod, LoadFlag, type ServerLoad, serverCodec, serverLoadCodec } from "../wire/abi.ts";
import { bytesAt, encoded } from "../wire/codec.ts";
import type { PacketPath } from "./packet-path.ts";
import { addressOf, methodName, type ServerEntry, serverOf, serverValue } from "./server-value.ts";
import type { ServerWay } from "./server-way.ts";
import { clearTraffic } from "./traffic.ts";

/** What a server carries now. */
export interface ServerLoadReading {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  readonly overloaded: boolean;
  readonly local?: true;
}

export class ServerTable {
  readonly #path: PacketPath;
  /** Deleted servers, by their service and their name: as long as their numbers are nobody else's, and some have connections. */
  readonly #trash = new Map<number, Map<string, number>>();
  /** Where the search for a free number begins: numbers are used anew only after all others were. */
  #next = 0;

  constructor(path: PacketPath) {
    this.#path = path;
    for (const number of this.#numbers()) {
      this.#next = number + 1;
      if (this.#flags(number) === 0) this.#discard(number);
    }
  }

  /** Numbers for servers of a service, in their order, and their entries written. Where there is no room for all, nothing is. */
  add(service: number, servers: readonly RealServer[], ways: readonly (ServerWay | undefined)[]): readonly number[] {
    const chosen = new Set<number>();
    for (const server of servers) chosen.add(this.#revivable(service, server, chosen) ?? this.#unused(chosen));
    const numbers = [...chosen];
    for (const number of numbers) this.#salvage(number);
    // One without connections begins anew, though it be the same server: but lblc and lblcr still know it.
    this.#clear(numbers.filter((number) => !this.#inUse(number)));
    for (const [i, number] of numbers.entries()) {
      const server = servers[i];
      if (server === undefined) continue;
      this.write(number, service, server, ways[i]);
      this.setLimits(number, server);
    }
    return numbers;
  }

  /** The number of a server that was deleted and is nobody else's yet. */
  left(service: number, server: ServerName): number | undefined {
    return this.#revivable(service, server, new Set());
  }

  /** Whether its entry was another before. What the packet path found out of the way stays. */
  write(number: number, service: number, server: ServerEntry, way: ServerWay | undefined): boolean {
    const entry = encoded(serverCodec, serverValue(service, server, way)).subarray(0, serverCodec.offsets.pathMtu);
    const { view, stride } = this.#path.servers;
    const memory = new Uint8Array(view.buffer, view.byteOffset + number * stride, entry.length);
    if (Buffer.from(entry).equals(memory)) return false;
    memory.set(entry);
    return true;
  }

  /** From how many connections on it gets no more, and below how many it does again. */
  setLimits(number: number, server: RealServer): void {
    const { upperThreshold: upper = 0, lowerThreshold: lower = 0 } = server;
    const present = this.#path.serverLoad.read(number);
    if (present.upper !== upper || present.lower !== lower) this.#path.setLimits(number, { upper, lower });
  }

  /** It gets no more packets. Its number is free when its last connection is. */
  remove(number: number): void {
    const { view, stride } = this.#path.servers;
    view.setUint32(number * stride + serverCodec.offsets.flags, 0, true);
    this.#discard(number);
  }

  /** Removes those that no list names: of a change that was cut short. */
  removeAllBut(listed: readonly number[]): void {
    const isListed = new Uint8Array(this.#path.servers.length);
    for (const number of listed) isListed[number] = 1;
    for (const number of this.#numbers()) if (isListed[number] === 0 && this.#flags(number) !== 0) this.remove(number);
  }

  read(number: number): RealServer {
    const { upper, lower } = this.#path.serverLoad.read(number);
    return {
      ...serverOf(this.#path.servers.read(number)),
      ...(upper === 0 ? {} : { upperThreshold: upper }),
      ...(lower === 0 ? {} : { lowerThreshold: lower }),
    };
  }

  weight(number: number): number {
    const { view, stride } = this.#path.servers;
    return view.getUint32(number * stride + serverCodec.offsets.weight, true);
  }

  /** There was a route to it when it was last looked for. */
  hasWay(number: number): boolean {
    const { view, stride } = this.#path.servers;
    return view.getUint8(number * stride + serverCodec.offsets.nextHopFamily) !== Family.NONE;
  }

  service(number: number): number {
    const { view, stride } = this.#path.servers;
    return view.getUint32(number * stride + serverCodec.offsets.service, true);
  }

  /** What identifies a server within its service. */
  end(number: number): ServerName {
    const { view, stride } = this.#path.servers;
    const at = number * stride;
    const { address, family, port } = serverCodec.offsets;
    return { address: addressOf(bytesAt(view, at + address, 16), view.getUint8(at + family)), port: view.getUint16(at + port) };
  }

  /** Where replies may come from: every server that gets packets or still has connections. */
  all(): readonly (Pick<RealServer, "address" | "method"> & { readonly connected: boolean })[] {
    const { view, stride } = this.#path.servers;
    const used = [...this.#numbers()].map((number) => ({ number, connected: this.#inUse(number) }));
    return used
      .filter(({ number, connected }) => connected || this.#flags(number) !== 0)
      .map(({ number, connected }) => {
        const method = methodName(view.getUint8(number * stride + serverCodec.offsets.configured));
        return { address: this.end(number).address, method, connected };
      });
  }

  /** Services of deleted servers that still have connections. */
  servicesLeft(): readonly number[] {
    return [...this.#trash.keys()].filter((service) => this.hasLeft(service));
  }

  /** Whether a deleted server of the service still has connections. */
  hasLeft(service: number): boolean {
    return [...(this.#trash.get(service)?.values() ?? [])].some((number) => this.#isTrashOf(service, number) && this.#inUse(number));
  }

  /** Now, or as it was read before. */
  load(number: number, read: ServerLoad = this.#path.serverLoad.read(number)): ServerLoadReading {
    const { active, total, persistent, flags } = read;
    const local = this.#path.servers.read(number).method === ForwardingMethod.LOCAL;
    return {
      active,
      inactive: Math.max(0, total - active),
      persistent,
      overloaded: (flags & LoadFlag.OVERLOADED) !== 0,
      ...(local ? { local } : {}),
    };
  }

  /** The number that a server had, if nobody else has it. */
  #revivable(service: number, server: ServerName, chosen: ReadonlySet<number>): number | undefined {
    const name = serverName(server);
    const number = this.#trash.get(service)?.get(name);
    if (number === undefined || chosen.has(number) || !this.#isTrashOf(service, number)) return undefined;
    return serverName(this.end(number)) === name ? number : undefined;
  }

  #unused(chosen: ReadonlySet<number>): number {
    const { length } = this.#path.servers;
    for (let i = 0; i < length; i++) {
      const number = (this.#next + i) % length;
      if (this.#flags(number) !== 0 || this.#inUse(number) || chosen.has(number)) continue;
      this.#next = number + 1;
      return number;
    }
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${length} servers and has no room for another`, {
      cure: "remove servers that are not needed, or wait until the connections of deleted ones have ended",
    });
  }

  #clear(numbers: readonly number[]): void {
    const { view, stride } = this.#path.servers;
    for (const number of numbers) {
      new Uint8Array(view.buffer, view.byteOffset + number * stride, stride).fill(0);
      this.#path.serverLoad.write(number, NO_LOAD);
    }
    clearTraffic(this.#path, "server", numbers);
    this.#path.maps.neighbours.clear(numbers);
  }

  #discard(number: number): void {
    const service = this.service(number);
    const trash = this.#trash.get(service) ?? new Map<string, number>();
    this.#trash.set(service, trash.set(serverName(this.end(number)), number));
  }

  /** Its number is somebody's again. */
  #salvage(number: number): void {
    const service = this.service(number);
    const trash = this.#trash.get(service);
    if (trash?.delete(serverName(this.end(number))) && trash.size === 0) this.#trash.delete(service);
  }

  #isTrashOf(service: number, number: number): boolean {
    return this.#flags(number) === 0 && this.service(number) === service;
  }

  /** Numbers that were used at all. */
  *#numbers(): Generator<number> {
    const { view, stride, length } = this.#path.servers;
    for (let number = 0; number < length; number++) if (view.getUint8(number * stride + serverCodec.offsets.family) !== 0) yield number;
  }

  #flags(number: number): number {
    const { view, stride } = this.#path.servers;
    return view.getUint32(number * stride + serverCodec.offsets.flags, true);
  }

  /** Connections or templates refer to it. */
  #inUse(number: number): boolean {
    const { view, stride } = this.#path.serverLoad;
    const at = number * stride;
    return (
      view.getUint32(at + serverLoadCodec.offsets.total, true) > 0 || view.getUint32(at + serverLoadCodec.offsets.persistent, true) > 0
    );
  }
}

const NO_LOAD = { active: 0, total: 0, persistent: 0, flags: 0, upper: 0, lower: 0, group: 0 };
