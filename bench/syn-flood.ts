/** A SYN flood against a table with established connections: what it took from them, and from clients that come meanwhile. */

import { ConnectionReader } from "../src/director/connection-reader.ts";
import { type Family, formatEndpoint } from "../src/model/address.ts";
import { outcomeName } from "../src/wire/abi.ts";
import { Harness, type Hook, Rig } from "./packet-rig.ts";

export interface FloodRequest {
  readonly hook: Hook;
  readonly family: Family;
  readonly connectionsMax: number;
  readonly established: number;
  /** SYNs from as many sources, none of which says more. */
  readonly syns: number;
  /** How many SYNs of the flood pass between a new client's SYN and its ACK. */
  readonly between: number;
  /** How long the flood rests then; 0 when left out. */
  readonly restMs?: number;
  readonly onProgress?: (text: string) => void;
}

export interface FloodResult {
  /** Of the established connections, those that are no longer there, or with another server or state. */
  readonly lost: number;
  /** Of as many packets of theirs, those that did not reach their server. */
  readonly astray: number;
  readonly newClients: number;
  /** Of them, those whose SYN was sent on, and those that were established by their ACK. */
  readonly newGreeted: number;
  readonly newEstablished: number;
  readonly nsASyn: number;
  /** How many half-open connections stood at the end. */
  readonly halfOpen: number;
  readonly slots: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Servers whose numbers of active and of all connections are not those that stand in the table. */
  readonly miscounted: number;
}

/** Where the numbers of flows begin: established ones from 0, then the flood's, then new clients. All are of 10.0.0.0/8. */
const FLOOD_FROM = 1 << 22;
const NEW_FROM = 3 << 22;
const CLIENTS_A_CHUNK = 8;

export function flood(request: FloodRequest): FloodResult {
  const { hook, family, connectionsMax, established, syns, between, restMs = 0, onProgress = () => {} } = request;
  const harness = new Harness(hook);
  const rig = new Rig("dr", family, { connectionsMax });
  const program = rig.program(hook);
  try {
    rig.establish(harness, { flows: established, singly: false });
    const before = standing(rig);
    const outcomesBefore = outcomes(rig);
    let [flooded, client, newGreeted, newEstablished, floodNs] = [0, 0, 0, 0, 0];
    const waiting: number[] = [];
    const says = (kind: "new" | "established", flow: number): number => {
      const count = rig.forwarded();
      rig.run(hook, program, rig.frame(kind, flow), 1);
      return rig.forwarded() - count;
    };
    while (flooded < syns || waiting.length > 0) {
      for (const flow of waiting.splice(0)) newEstablished += says("established", flow);
      if (flooded >= syns) break;
      for (let i = 0; i < CLIENTS_A_CHUNK; i++) {
        newGreeted += says("new", NEW_FROM + client);
        waiting.push(NEW_FROM + client++);
      }
      const chunk = Math.min(between, syns - flooded);
      const frame = rig.frame("new", FLOOD_FROM + flooded);
      floodNs += harness.measure(rig, program, { frame, order: "next", flows: chunk, repeat: chunk }).durationNs * chunk;
      flooded += chunk;
      if (restMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, restMs);
      onProgress(`${flooded} of ${syns} SYNs`);
    }
    const after = standing(rig);
    const sent = rig.forwarded();
    harness.measure(rig, program, { frame: rig.frame("established"), order: "next", flows: established, repeat: established });
    const { halfOpen, miscounted } = accounts(rig);
    const outcomesAfter = outcomes(rig);
    return {
      lost: [...before].filter(([name, server]) => after.get(name) !== server).length,
      astray: established - (rig.forwarded() - sent),
      newClients: client,
      newGreeted,
      newEstablished,
      nsASyn: floodNs / syns,
      halfOpen,
      slots: rig.path.maps.connections.maxEntries * 8,
      outcomes: Object.fromEntries(
        Object.entries(outcomesAfter)
          .map(([name, count]) => [name, count - (outcomesBefore[name] ?? 0)] as const)
          .filter(([, count]) => count > 0),
      ),
      miscounted,
    };
  } finally {
    rig.close();
    harness.close();
  }
}

/** The server's number of each established connection, by its client. */
function standing(rig: Rig): Map<string, number> {
  const reader = new ConnectionReader(rig.path);
  try {
    const found = new Map<string, number>();
    for (const { client, serverNumber } of reader.connections({ state: "ESTABLISHED" })) {
      found.set(formatEndpoint(client.address, client.port), serverNumber);
    }
    return found;
  } finally {
    reader.close();
  }
}

/** After a sweep, what the servers' counters say is what stands in the table. */
function accounts(rig: Rig): { readonly halfOpen: number; readonly miscounted: number } {
  rig.path.sweep();
  const reader = new ConnectionReader(rig.path);
  try {
    const { byServer, byState, total, active } = reader.count();
    const loads = [...byServer.keys()].map((number) => ({ number, ...rig.path.serverLoad.read(number) }));
    const wrong = loads.filter(({ number, total: counted }) => counted !== byServer.get(number)).length;
    const sum = (of: "active" | "total") => loads.reduce((all, load) => all + load[of], 0);
    return {
      halfOpen: byState.get("SYN_RECV") ?? 0,
      miscounted: wrong + Number(sum("active") !== active) + Number(sum("total") !== total),
    };
  } finally {
    reader.close();
  }
}

function outcomes(rig: Rig): Record<string, number> {
  return Object.fromEntries(
    [...rig.path.maps.outcomes.entries()].map(([number, count]) => [outcomeName[number] ?? `${number}`, Number(count)]),
  );
}
