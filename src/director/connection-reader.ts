/**
 * The connection table as the control plane reads it: in place, without a system call for a connection, while the packet path goes on.
 *
 * A slot is copied between two looks at its life word, and counts only if the word says both times that the same connection lives there.
 * A listing is not one moment: what comes or goes meanwhile may or may not be in it, but each entry was true when it was read.
 */

import { jiffiesPerSecond } from "../kernel/clock.ts";
import type { MappedArray } from "../kernel/mapped-array.ts";
import type { Address } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { serviceName } from "../model/service.ts";
import {
  type Connection as ConnectionSlot,
  connectionCodec,
  Family,
  ForwardingMethod,
  Life,
  Limits,
  type ServiceKey,
  sctpStateName,
  TemplateState,
  tcpStateName,
} from "../wire/abi.ts";
import { type CompiledFilter, type ConnectionFilter, compileFilter, markOf } from "./connection-filter.ts";
import type { PacketPath } from "./packet-path.ts";
import { addressOf } from "./server-value.ts";
import { tickMs } from "./timeouts.ts";

export interface End {
  readonly address: Address;
  readonly port: number;
}

export interface Connection {
  /** Slots are used again: what identifies a connection is both. */
  readonly slot: number;
  readonly generation: number;
  /** A template of a mark's service is of no protocol: "ip". */
  readonly protocol: "tcp" | "udp" | "sctp" | "ip";
  readonly state: string;
  readonly expiresMs: number;
  readonly client: End;
  readonly virtual: End;
  /** The server and the port that it is reached on. */
  readonly server: End;
  readonly serverNumber: number;
  readonly serviceNumber: number;
  readonly method: ForwardingMethodName;
  /** Counted as active on its server. */
  readonly active: boolean;
  readonly template: boolean;
  /** The slot of the template that chose its server. */
  readonly parent: number | undefined;
  /** A template: how many connections it leads. */
  readonly children: number;
  /** The mark of its service. */
  readonly mark: number | undefined;
}

/** As configurations say it, where they can. A connection keeps the method that its server had when it began. */
const METHODS = {
  [ForwardingMethod.NAT]: "nat",
  [ForwardingMethod.LOCAL]: "local",
  [ForwardingMethod.TUNNEL]: "tun",
  [ForwardingMethod.DIRECT]: "dr",
  [ForwardingMethod.BYPASS]: "bypass",
  [ForwardingMethod.FULL_NAT]: "full-nat",
} as const satisfies Readonly<Record<number, string>>;
export type ForwardingMethodName = (typeof METHODS)[keyof typeof METHODS];

/** What stood in a part of the table. */
export interface ConnectionSlice {
  readonly connections: readonly Connection[];
  /** The slot to go on from; undefined: the table's end. */
  readonly next: number | undefined;
}

export interface ConnectionCounts {
  readonly total: number;
  readonly active: number;
  readonly templates: number;
  /** By name; templates apart, as their states are others. */
  readonly byState: ReadonlyMap<string, number>;
  readonly byServer: ReadonlyMap<number, number>;
}

const WORDS = connectionCodec.size / 4;
const {
  life: LIFE_OFFSET,
  clientPort: ENDS_OFFSET,
  server: SERVER_OFFSET,
  service: SERVICE_OFFSET,
  method: METHOD_OFFSET,
} = connectionCodec.offsets;
const LIFE_WORD = LIFE_OFFSET / 4;
const ENDS_WORD = ENDS_OFFSET / 4;
const SERVER_WORD = SERVER_OFFSET / 4;
/** Of the life word's lower half, what stays as long as a connection lives: tag, generation, phase. */
const LASTING = ~((1 << Life.GENERATION_SHIFT) - 1) | Life.PHASE_MASK;
/** A slot that never comes to rest while it is copied is passed over; each try takes nanoseconds, a change of hands microseconds. */
const TRIES_MAX = 8;
/** Some three milliseconds when all of them match, a tenth of one when none does: a million are listed in 1.7 s and counted in 55 ms. */
const SLICE_SLOTS = 2048;
const GENERATION_MASK = 0xf;
const STATE_MASK = 0xf;

const PROTOCOLS = { 0: "ip", 6: "tcp", 17: "udp", 132: "sctp" } as const satisfies Readonly<Record<number, Connection["protocol"]>>;
const TCP = 6;
const SCTP = 132;

export class ConnectionReader {
  readonly #path: PacketPath;
  readonly #memory: MappedArray<unknown>;
  readonly #words: Int32Array;
  /** One slot, as it was at one moment. */
  readonly #entry = new Int32Array(WORDS);
  readonly #entryView = new DataView(this.#entry.buffer);
  readonly #entryBytes = new Uint8Array(this.#entry.buffer);
  readonly #servers = new Map<number, Address>();
  readonly #services: ReadonlyMap<number, ServiceKey>;
  #closed = false;

  constructor(path: PacketPath) {
    this.#path = path;
    this.#memory = path.maps.connections.map();
    const { buffer, byteOffset, byteLength } = this.#memory.view;
    this.#words = new Int32Array(buffer, byteOffset, byteLength / 4);
    this.#services = new Map([...path.maps.service_names.entries()].filter(([, { family }]) => family !== Family.NONE));
  }

  /** How many slots there are. */
  get slots(): number {
    return this.#memory.length * Limits.CONNECTION_GROUP_SLOTS;
  }

  /** Those that match, in no order that means anything. */
  *connections(filter: ConnectionFilter = {}): Generator<Connection> {
    const nowTicks = this.#path.nowTicks();
    const ms = tickMs(jiffiesPerSecond());
    const matches = this.#compile(filter);
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.#read(slot, nowTicks) && matches(this.#entry, this.#entryBytes)) yield this.#decode(slot, nowTicks, ms);
    }
  }

  /**
   * The same, a part of the table at a time: whoever walks may wait between two of them, and may begin where an earlier walk ended. A reader that
   * was closed meanwhile throws NOT_RUNNING.
   */
  *slices(filter: ConnectionFilter = {}, from = 0, size = SLICE_SLOTS): Generator<ConnectionSlice> {
    const matches = this.#compile(filter);
    const ms = tickMs(jiffiesPerSecond());
    for (let first = from; first < this.slots; first += size) {
      if (this.#closed) throw new EvenkeelError("NOT_RUNNING", "the connection table was closed while it was read");
      const nowTicks = this.#path.nowTicks();
      const end = Math.min(first + size, this.slots);
      const connections: Connection[] = [];
      for (let slot = first; slot < end; slot++) {
        if (this.#read(slot, nowTicks) && matches(this.#entry, this.#entryBytes)) connections.push(this.#decode(slot, nowTicks, ms));
      }
      yield { connections, next: end < this.slots ? end : undefined };
    }
  }

  /** What stands in a slot, though it be past its time (a template may wait for its connections); undefined: nothing. */
  at(slot: number): Connection | undefined {
    const nowTicks = this.#path.nowTicks();
    return this.#copy(slot) ? this.#decode(slot, nowTicks, tickMs(jiffiesPerSecond())) : undefined;
  }

  count(filter: ConnectionFilter = {}): ConnectionCounts {
    const nowTicks = this.#path.nowTicks();
    const matches = this.#compile(filter);
    const servers = new Uint32Array(this.#path.servers.length);
    // By state and which table the state is of.
    const states = new Uint32Array(4 << 4);
    let [total, active, templates] = [0, 0, 0];
    for (let slot = 0; slot < this.slots; slot++) {
      if (!this.#read(slot, nowTicks) || !matches(this.#entry, this.#entryBytes)) continue;
      const life = this.#entry[LIFE_WORD] ?? 0;
      const table = tableOf(life, ((this.#entry[ENDS_WORD] ?? 0) >>> 16) & 0xff);
      const server = this.#entry[SERVER_WORD] ?? 0;
      const state = (table << 4) | ((life >>> Life.STATE_SHIFT) & STATE_MASK);
      total++;
      if ((life & Life.ACTIVE) !== 0) active++;
      if ((life & Life.TEMPLATE) !== 0) templates++;
      states[state] = (states[state] ?? 0) + 1;
      servers[server] = (servers[server] ?? 0) + 1;
    }
    const byState = new Map<string, number>();
    for (const [i, number] of states.entries()) {
      const name = stateName(i >>> 4, i & STATE_MASK);
      if (number > 0) byState.set(name, (byState.get(name) ?? 0) + number);
    }
    return { total, active, templates, byState, byServer: new Map([...servers.entries()].filter(([, number]) => number > 0)) };
  }

  /** A server's address, its own port (a connection may use another), and its service as serviceName() says it. */
  server(number: number): End & { readonly service: string | undefined } {
    const { port, service } = this.#path.servers.read(number);
    const key = this.#services.get(service);
    return { address: this.#serverAddress(number), port, service: key === undefined ? undefined : nameOf(key) };
  }

  close(): void {
    this.#closed = true;
    this.#memory.close();
  }

  #compile(filter: ConnectionFilter): CompiledFilter {
    return compileFilter(filter, { services: this.#services, servers: this.#path.servers });
  }

  /** Copies what stands in a slot; false when no connection does, or one past its time, or only the way back of another. */
  #read(slot: number, nowTicks: number): boolean {
    return this.#copy(slot) && (((this.#entry[LIFE_WORD + 1] ?? 0) - nowTicks) | 0) > 0;
  }

  #copy(slot: number): boolean {
    const words = this.#words;
    const entry = this.#entry;
    const from = slot * WORDS;
    for (let i = 0; i < TRIES_MAX; i++) {
      // Atomics keeps the two looks apart from the copy: the compiler may neither join nor move them.
      const before = Atomics.load(words, from + LIFE_WORD);
      if ((before & Life.PHASE_MASK) !== Life.LIVE) return false;
      for (let word = LIFE_WORD + 1; word < WORDS; word++) entry[word] = words[from + word] ?? 0;
      const after = Atomics.load(words, from + LIFE_WORD);
      if (before !== after) {
        // Another state of the same connection: only its time may be the other state's. Another connection: all of it may be.
        if (((before ^ after) & LASTING) !== 0 || i < TRIES_MAX - 1) continue;
      }
      entry[LIFE_WORD] = after;
      return this.#entryBytes[METHOD_OFFSET] !== ForwardingMethod.FULL_NAT_REPLY;
    }
    return false;
  }

  #decode(slot: number, nowTicks: number, ms: number): Connection {
    const entry: ConnectionSlot = connectionCodec.decode(this.#entryView, 0);
    const life = this.#entry[LIFE_WORD] ?? 0;
    const family = entry.family & ~Family.TEMPLATE;
    const template = (life & Life.TEMPLATE) !== 0;
    const service = this.#services.get(this.#entryView.getUint16(SERVICE_OFFSET, true));
    return {
      slot,
      generation: (life >>> Life.GENERATION_SHIFT) & GENERATION_MASK,
      protocol: PROTOCOLS[entry.protocol as keyof typeof PROTOCOLS] ?? "ip",
      state: stateName(tableOf(life, entry.protocol), (life >>> Life.STATE_SHIFT) & STATE_MASK),
      expiresMs: (((this.#entry[LIFE_WORD + 1] ?? 0) - nowTicks) | 0) * ms,
      client: { address: addressOf(entry.client, family), port: entry.clientPort },
      virtual: { address: addressOf(entry.virtualAddress, family), port: entry.virtualPort },
      server: { address: this.#serverAddress(entry.server), port: entry.realPort },
      serverNumber: entry.server,
      serviceNumber: entry.service,
      method: METHODS[entry.method as keyof typeof METHODS] ?? "nat",
      active: (life & Life.ACTIVE) !== 0,
      template,
      parent: entry.parent === 0 ? undefined : entry.parent - 1,
      children: template ? entry.partner : 0,
      mark: service === undefined ? undefined : markOf(service),
    };
  }

  #serverAddress(number: number): Address {
    const known = this.#servers.get(number);
    if (known !== undefined) return known;
    const { address, family } = this.#path.servers.read(number);
    const found = addressOf(address, family);
    this.#servers.set(number, found);
    return found;
  }
}

function nameOf(key: ServiceKey): string {
  const address = addressOf(key.address, key.family);
  const protocol = key.protocol === SCTP ? "sctp" : key.protocol === TCP ? "tcp" : "udp";
  return serviceName({ address, port: key.port, protocol, mark: markOf(key) ?? 0 });
}

/** Whose states they are. */
const TABLE = { template: 0, tcp: 1, sctp: 2, other: 3 } as const;

function tableOf(life: number, protocol: number): number {
  if ((life & Life.TEMPLATE) !== 0) return TABLE.template;
  return protocol === TCP ? TABLE.tcp : protocol === SCTP ? TABLE.sctp : TABLE.other;
}

/** As `ipvsadm -Lnc` shows them. */
function stateName(table: number, state: number): string {
  switch (table) {
    case TABLE.template:
      return state === TemplateState.ASSURED ? "ASSURED" : "NONE";
    case TABLE.tcp:
      return tcpStateName[state] ?? `${state}`;
    case TABLE.sctp:
      return sctpStateName[state] ?? `${state}`;
    default:
      return "UDP";
  }
}
