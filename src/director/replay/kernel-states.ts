/**
 * The state tables of the program in the kernel, cell by cell: a connection is put into a state by hand, a real packet of the client or the
 * server goes through, and what became of the connection is read. Both directions are seen with NAT, the client's alone with DR.
 */

import { type Family, parseAddress } from "../../model/address.ts";
import { isSctpStateActive, SCTP_STATES, type SctpEvent, type SctpState } from "../../model/sctp-states.ts";
import type { Protocol, RealServer } from "../../model/service.ts";
import { isTcpStateActive, TCP_STATES, type TcpEvent, type TcpState, type View } from "../../model/tcp-states.ts";
import type { Segment } from "../../scheduler/ipvs-model/connection.ts";
import type { ClientPacket } from "../../scheduler/ipvs-model/ipvs-model.ts";
import { Life, SettingsFlag } from "../../wire/abi.ts";
import { replyFrame, requestFrame } from "./case-frames.ts";
import type { ReplayStage } from "./replay-stage.ts";
import { TableEntries, type TableEntry } from "./table-entry.ts";

/** One cell's question. "none": a TCP segment without any flag. */
export type Cell = { readonly family: Family; readonly view: View } & (
  | { readonly protocol: "tcp"; readonly state: TcpState; readonly event: TcpEvent | "none" }
  | { readonly protocol: "sctp"; readonly state: SctpState; readonly event: SctpEvent }
);

/** What the packet made of the connection, and of what its server counts. */
export interface Stepped {
  readonly state: string;
  readonly timeoutTicks: number;
  readonly noOutput: boolean;
  readonly counted: { readonly active: number; readonly inactive: number };
}

const VIPS = { ipv4: parseAddress("192.0.2.1"), ipv6: parseAddress("2001:db8::1") } as const;
const CLIENTS = { ipv4: parseAddress("198.51.100.7"), ipv6: parseAddress("2001:db8:c::7") } as const;
const SERVERS = { ipv4: parseAddress("10.77.0.1"), ipv6: parseAddress("fd77::1") } as const;
/** Each method has its own service and server. */
const PORTS = { nat: 80, dr: 81 } as const;
const CLIENT_PORT = 40_000;

const STATE_BITS = 0xf << Life.STATE_SHIFT;

/** Must be used inside of the stage's namespace. */
export class KernelStates {
  readonly #stage: ReplayStage;
  readonly #entries: TableEntries;

  /** Whatever was on the stage is cleared away. */
  constructor(stage: ReplayStage, protocols: readonly Exclude<Protocol, "udp">[]) {
    this.#stage = stage;
    this.#entries = new TableEntries(stage.connections);
    const plane = stage.clear();
    for (const family of ["ipv4", "ipv6"] as const) {
      for (const protocol of protocols) {
        for (const method of ["nat", "dr"] as const) {
          const server: RealServer = { address: SERVERS[family], port: PORTS[method], weight: 1, method };
          plane.apply({
            kind: "add-service",
            service: { address: VIPS[family], port: PORTS[method], protocol, scheduler: "rr", servers: [server] },
          });
        }
      }
    }
    plane.tidy();
    // A first packet in a state that is over is to step that state, not to begin anew.
    const settings = stage.path.settings();
    stage.path.maps.settings.update(0, { ...settings, flags: settings.flags & ~SettingsFlag.REUSE });
  }

  step(cell: Cell, options: { readonly noOutput?: boolean } = {}): Stepped {
    const { view } = cell;
    const method = view === "INPUT_ONLY" ? "dr" : "nat";
    const { path } = this.#stage;
    const entry = this.#connection(cell, method);
    const memory = this.#stage.connections.view;
    const { number, active } = stateOf(cell);
    const noOutput = options.noOutput ?? view === "INPUT_ONLY";
    const word = memory.getUint32(entry.at, true) & ~(STATE_BITS | Life.ACTIVE | Life.NO_OUTPUT);
    const flags = (active ? Life.ACTIVE : 0) | (noOutput ? Life.NO_OUTPUT : 0);
    // Not the time that the packet will give: else it would be seen that nothing changes.
    memory.setUint32(entry.at + 4, path.nowTicks() + 3, true);
    memory.setUint32(entry.at, word | flags | (number << Life.STATE_SHIFT), true);
    const load = path.serverLoad.read(entry.server);
    path.serverLoad.write(entry.server, { ...load, active: active ? 1 : 0, total: 1 });

    const before = path.nowTicks();
    this.#send(cell, method, segmentOf(cell));
    const after = path.nowTicks();
    if (!this.#entries.stands(entry)) throw new Error(`${cell.protocol} ${view} ${cell.event} ${cell.state}: the connection was replaced`);
    if (before !== after) return this.step(cell, options);
    const life = memory.getUint32(entry.at, true);
    const { active: counted, total } = path.serverLoad.read(entry.server);
    const names: readonly string[] = cell.protocol === "tcp" ? TCP_STATES : SCTP_STATES;
    return {
      state: names[(life & STATE_BITS) >>> Life.STATE_SHIFT] ?? "unknown",
      timeoutTicks: (memory.getUint32(entry.at + 4, true) - after) | 0,
      noOutput: (life & Life.NO_OUTPUT) !== 0,
      counted: { active: counted, inactive: total - counted },
    };
  }

  /** The connection of a cell's kind, whatever its state; a new one when there is none. */
  #connection(cell: Cell, method: "nat" | "dr"): TableEntry {
    const packet = clientPacket(cell, method, firstOf(cell));
    const found = this.#entries.find(packet);
    if (found !== undefined) return found;
    this.#send({ ...cell, view: "INPUT" }, method, packet.segment);
    const made = this.#entries.find(packet);
    if (made === undefined) throw new Error(`a first packet of ${cell.protocol} made no connection`);
    return made;
  }

  #send(cell: Cell, method: "nat" | "dr", segment: Segment): void {
    const { mac } = this.#stage;
    const { family } = cell;
    const server = { address: SERVERS[family], port: PORTS[method] };
    const frame =
      cell.view === "OUTPUT"
        ? replyFrame({ server, client: CLIENTS[family], clientPort: CLIENT_PORT, segment }, mac)
        : requestFrame(clientPacket(cell, method, segment), mac);
    const { verdict } = this.#stage.run(frame, 0);
    if (verdict !== "redirect") throw new Error(`${cell.protocol} ${cell.view} ${cell.event} ${cell.state}: the verdict ${verdict}`);
  }
}

function clientPacket({ family }: Cell, method: "nat" | "dr", segment: Segment): ClientPacket {
  return { client: CLIENTS[family], clientPort: CLIENT_PORT, address: VIPS[family], port: PORTS[method], mark: 0, segment };
}

function stateOf(cell: Cell): { readonly number: number; readonly active: boolean } {
  return cell.protocol === "tcp"
    ? { number: TCP_STATES.indexOf(cell.state), active: isTcpStateActive(cell.state) }
    : { number: SCTP_STATES.indexOf(cell.state), active: isSctpStateActive(cell.state) };
}

function firstOf({ protocol }: Cell): Segment {
  return protocol === "tcp" ? { protocol, flags: { syn: true, ack: false, fin: false, rst: false } } : { protocol, chunk: "INIT" };
}

function segmentOf(cell: Cell): Segment {
  if (cell.protocol === "sctp") return { protocol: "sctp", chunk: cell.event };
  const is = (event: TcpEvent) => cell.event === event;
  return { protocol: "tcp", flags: { syn: is("syn"), fin: is("fin"), ack: is("ack"), rst: is("rst") } };
}
