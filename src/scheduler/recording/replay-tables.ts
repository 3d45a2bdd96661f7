/** Replays what is recorded of tables: hash buckets, picks of a Maglev table, and the tables of states. */

import { parseAddress } from "../../model/address.ts";
import { nextSctpState, SCTP_STATES, SCTP_TABLE, SCTP_TIMEOUT_SECONDS, type SctpEvent, type SctpState } from "../../model/sctp-states.ts";
import {
  nextTcpState,
  SECURE_TCP_TABLE,
  TCP_EVENTS,
  TCP_STATES,
  TCP_TABLE,
  TCP_TIMEOUT_SECONDS,
  type TcpEvent,
  type TcpState,
  type TcpTable,
  VIEWS,
  type View,
} from "../../model/tcp-states.ts";
import { MH_TABLE_SIZE } from "../mh.ts";
import type { ReplayEngine } from "../replay.ts";
import { BadRecording, type Difference, type Fields, fieldsOf, listOf, numberOf, type ReplayResult, textOf } from "./recorded.ts";

export function isTables(recording: Fields): boolean {
  return ["vectors", "cases", "normal", "states"].some((name) => name in recording);
}

/** Who makes the next state of a connection, where it is not the tables here. */
export interface StateEngine {
  next(cell: StateCell): string;
}

export type StateCell = { readonly view: View } & (
  | { readonly protocol: "tcp"; readonly state: TcpState; readonly event: TcpEvent }
  | { readonly protocol: "sctp"; readonly state: SctpState; readonly event: SctpEvent }
);

export function replayTables(recording: Fields, scheduler: () => ReplayEngine, states?: () => StateEngine): ReplayResult {
  if ("vectors" in recording) return replayBuckets(recording, scheduler());
  if ("cases" in recording) return replayMaglev(recording, scheduler());
  return "normal" in recording ? replayTcpStates(recording, states?.()) : replaySctpStates(recording, states?.());
}

/** Whoever has a server for each bucket shows the bucket by its choice. */
const BUCKETS = 256;
const FLAG_PORT = 16;

/** {"scheduler":"sh","vectors":[{"port_flag":false,"src":...,"sport":...,"dst":...,"bucket":55}, ...]} */
function replayBuckets(recording: Fields, engine: ReplayEngine): ReplayResult {
  const scheduler = textOf(recording["scheduler"], "scheduler");
  if (scheduler !== "sh" && scheduler !== "dh") throw new BadRecording(`no buckets are known of "${scheduler}"`);
  const score = new Score(scheduler);
  const vectors = listOf(recording["vectors"], "vectors").map((value) => fieldsOf(value, "a vector"));
  for (const port of [false, true]) {
    engine.service(scheduler, port ? FLAG_PORT : 0, "ipv4");
    // Buckets are filled in walk order, which is the reverse of the order of adding.
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--)
      engine.add(bucket, { address: parseAddress(`192.0.2.${bucket}`), port: 80, weight: 1 });
    for (const vector of vectors.filter((each) => (each["port_flag"] === true) === port)) {
      const address = (name: string) => parseAddress(textOf(vector[name], name));
      const flow = {
        client: address("src"),
        clientPort: numberOf(vector["sport"], "sport"),
        destination: address("dst"),
        destinationPort: 80,
      };
      score.compare(`bucket ${numberOf(vector["bucket"], "bucket")}`, `bucket ${engine.pick(flow) ?? "of nobody"}`);
    }
  }
  return score.result();
}

/** {"cases":[{"weights":[3,1],"dests":["192.0.2.1:80",...],"picks":[["198.51.100.7",1], ...]}]}; numbers count from 1, in the order of adding. */
function replayMaglev(recording: Fields, engine: ReplayEngine): ReplayResult {
  const size = numberOf(recording["table_size"], "table_size");
  if (size !== MH_TABLE_SIZE) throw new BadRecording(`a Maglev table of ${size} places was recorded; ours has ${MH_TABLE_SIZE}`);
  const score = new Score("mh");
  for (const value of listOf(recording["cases"], "cases")) {
    const recorded = fieldsOf(value, "a case");
    const weights = listOf(recorded["weights"], "weights");
    engine.service("mh", 0, "ipv4");
    for (const [i, server] of listOf(recorded["dests"], "dests").entries()) {
      const [, address = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(textOf(server, "a server")) ?? [];
      engine.add(i + 1, { address: parseAddress(address), port: Number(port), weight: numberOf(weights[i], "a weight") });
    }
    for (const pick of listOf(recorded["picks"], "picks")) {
      const [address, number] = listOf(pick, "a pick");
      const client = parseAddress(textOf(address, "a client"));
      const chosen = engine.pick({ client, clientPort: 0, destination: client, destinationPort: 80 });
      score.compare(
        number === null ? "nobody" : `server ${numberOf(number, "a pick")}`,
        chosen === undefined ? "nobody" : `server ${chosen}`,
      );
    }
  }
  return score.result();
}

const SEGMENTS = {
  syn: { syn: true, fin: false, rst: false, ack: false },
  fin: { syn: false, fin: true, rst: false, ack: false },
  ack: { syn: false, fin: false, rst: false, ack: true },
  rst: { syn: false, fin: false, rst: true, ack: false },
} as const;

function replayTcpStates(recording: Fields, states: StateEngine | undefined): ReplayResult {
  const score = new Score("tcp");
  compareTimeouts(score, recording, TCP_STATES, TCP_TIMEOUT_SECONDS);
  const tables: Readonly<Record<string, TcpTable>> = { normal: TCP_TABLE, secure_tcp: SECURE_TCP_TABLE };
  for (const [name, table] of Object.entries(tables)) {
    // The packet path has no secure_tcp.
    if (!(name in recording) || (states !== undefined && table === SECURE_TCP_TABLE)) continue;
    for (const { view, event, state, next } of cells(recording[name])) {
      const from = known(TCP_STATES, state);
      const segment = known(TCP_EVENTS, event);
      const found =
        states?.next({ protocol: "tcp", view, state: from, event: segment }) ?? nextTcpState(table, view, from, SEGMENTS[segment]);
      score.compare(`${name} ${view} ${event} ${state}: ${next}`, `${name} ${view} ${event} ${state}: ${found}`);
    }
  }
  return score.result();
}

function replaySctpStates(recording: Fields, states: StateEngine | undefined): ReplayResult {
  const score = new Score("sctp");
  compareTimeouts(score, recording, SCTP_STATES, SCTP_TIMEOUT_SECONDS);
  for (const { view, event, state, next } of cells(recording["states"])) {
    const chunk = known(Object.keys(SCTP_TABLE[view]) as SctpEvent[], event);
    const from = known(SCTP_STATES, state);
    const found = states?.next({ protocol: "sctp", view, state: from, event: chunk }) ?? nextSctpState(SCTP_TABLE, view, from, chunk);
    score.compare(`${view} ${event} ${state}: ${next}`, `${view} ${event} ${state}: ${found}`);
  }
  return score.result();
}

/** {"INPUT":{"syn":{"NONE":"SYN_RECV", ...}, ...}, ...} */
function* cells(table: unknown) {
  for (const [viewName, events] of Object.entries(fieldsOf(table, "a table of states"))) {
    const view = known(VIEWS, viewName);
    for (const [event, states] of Object.entries(fieldsOf(events, viewName))) {
      for (const [state, next] of Object.entries(fieldsOf(states, event))) yield { view, event, state, next: textOf(next, state) };
    }
  }
}

function compareTimeouts<Name extends string>(
  score: Score,
  recording: Fields,
  states: readonly Name[],
  seconds: Readonly<Record<Name, number>>,
): void {
  for (const [state, timeout] of Object.entries(fieldsOf(recording["timeouts_s"], "timeouts_s"))) {
    score.compare(`${state} ${numberOf(timeout, state)} s`, `${state} ${seconds[known(states, state)]} s`);
  }
}

function known<Name extends string>(names: readonly Name[], name: string): Name {
  const found = names.find((each) => each === name);
  if (found === undefined) throw new BadRecording(`"${name}" is none of ${names.join(", ")}`);
  return found;
}

/** Counts what was compared, and keeps what differed. */
class Score {
  readonly #part: string;
  readonly #differences: Difference[] = [];
  #decisions = 0;

  constructor(part: string) {
    this.#part = part;
  }

  compare(expected: string, chosen: string): void {
    if (expected !== chosen) this.#differences.push({ part: this.#part, event: this.#decisions, expected, chosen });
    this.#decisions++;
  }

  result(): ReplayResult {
    return { decisions: this.#decisions, differences: this.#differences };
  }
}
