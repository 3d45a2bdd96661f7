/**
 * Replays a recording of IPVS's own scheduler decisions through any engine that can hold one service, and tells where the
 * engine decides otherwise. The recordings are random scripts of operations on one service (test/golden/ipvs).
 */

import { type Address, type Family, parseAddress } from "../model/address.ts";
import { BadRecording, fieldsOf, listOf } from "./recording/recorded.ts";
import type { Flow } from "./scheduler.ts";

export type ServerId = number;

/** One service under replay: the schedulers themselves, a data plane, or the program in the kernel. */
export interface ReplayEngine {
  /** Begins anew, with an empty service. Flags: 8 = fallback, 16 = port (sh, mh). */
  service(scheduler: string, flags: number, family: Family): void;
  /** A new server, at the head of the list. */
  add(id: ServerId, server: { readonly address: Address; readonly port: number; readonly weight: number }): void;
  /** A deleted server comes back, at the head, with the counters and flags it had. */
  readd(id: ServerId, weight: number): void;
  del(id: ServerId): void;
  weight(id: ServerId, weight: number): void;
  overload(id: ServerId, overloaded: boolean): void;
  connections(id: ServerId, active: number, inactive: number): void;
  tick(seconds: number): void;
  /** Chooses for a flow, without counting it. */
  pick(flow: Flow): ServerId | undefined;
  /** Chooses for a flow and counts the new connection as active on the chosen server. */
  connect(flow: Flow): ServerId | undefined;
}

export interface ReplayDifference {
  readonly seed: string;
  /** Index of the operation in its scenario. */
  readonly operation: number;
  readonly expected: ServerId | undefined;
  readonly chosen: ServerId | undefined;
}

export interface ReplayResult {
  readonly decisions: number;
  readonly differences: readonly ReplayDifference[];
}

/** `recording` is the parsed JSON. Throws when it is not a recording; differences are a result, not an error. */
export function replay(recording: unknown, engine: ReplayEngine): ReplayResult {
  const scenarios = listOf(fieldsOf(recording, "the recording")["scenarios"], "scenarios");
  const differences: ReplayDifference[] = [];
  let decisions = 0;
  for (const scenario of scenarios) {
    const { seed, ops } = fieldsOf(scenario, "a scenario");
    for (const [operation, op] of listOf(ops, "ops").entries()) {
      const decision = perform(engine, new Operation(op));
      if (decision === undefined) continue;
      decisions++;
      if (decision.expected !== decision.chosen) differences.push({ seed: String(seed), operation, ...decision });
    }
  }
  return { decisions, differences };
}

type Decision = Pick<ReplayDifference, "expected" | "chosen">;

function perform(engine: ReplayEngine, op: Operation): Decision | undefined {
  switch (op.name) {
    case "svc":
      engine.service(op.text(1), op.number(2), op.number(3) === 4 ? "ipv4" : "ipv6");
      return undefined;
    case "add":
      engine.add(op.number(1), { address: parseAddress(op.text(2)), port: op.number(3), weight: op.number(4) });
      return undefined;
    case "readd":
      engine.readd(op.number(1), op.number(2));
      return undefined;
    case "del":
      engine.del(op.number(1));
      return undefined;
    case "weight":
      engine.weight(op.number(1), op.number(2));
      return undefined;
    case "ovl":
      engine.overload(op.number(1), op.number(2) !== 0);
      return undefined;
    case "conns":
      engine.connections(op.number(1), op.number(2), op.number(3));
      return undefined;
    case "tick":
      engine.tick(op.number(1));
      return undefined;
    case "pick":
      return { expected: op.choice(5), chosen: engine.pick(op.flow()) };
    case "conn":
      return { expected: op.choice(5), chosen: engine.connect(op.flow()) };
    default:
      throw new BadRecording(`the recording has an unknown operation: ${op.describe()}`);
  }
}

/** One operation, ["add", 1, "10.0.0.1", 80, 3], with its arguments read by position and checked. */
class Operation {
  readonly #parts: readonly unknown[];

  constructor(op: unknown) {
    this.#parts = listOf(op, "an operation");
  }

  get name(): string {
    return this.text(0);
  }

  describe(): string {
    return JSON.stringify(this.#parts);
  }

  text(index: number): string {
    const value = this.#parts[index];
    if (typeof value !== "string") throw new BadRecording(`text was expected at ${index} of ${this.describe()}`);
    return value;
  }

  number(index: number): number {
    const value = this.#parts[index];
    if (typeof value !== "number") throw new BadRecording(`a number was expected at ${index} of ${this.describe()}`);
    return value;
  }

  choice(index: number): ServerId | undefined {
    return this.#parts[index] === null ? undefined : this.number(index);
  }

  flow(): Flow {
    return {
      client: parseAddress(this.text(1)),
      clientPort: this.number(2),
      destination: parseAddress(this.text(3)),
      destinationPort: this.number(4),
    };
  }
}
