/**
 * What a scheduler's choice costs, and a whole new connection with it, by how many servers there are to choose from.
 *
 *   node bench/schedulers.ts [--quick] [-o json]
 *
 * A choice: bench_schedule.bpf.c opens connections by the scheduler on the servers' loads and closes as many, so that loads change as
 * under traffic; what the same costs where the servers take turns unasked is taken off. A new connection: packets through the program, each the
 * first of its flow, over NAT on tc; nothing is taken off but the harness that makes the packets (bench/packet.ts). Each is compared with
 * the same scheduler over 4 servers in the same round.
 */

import { renderTable } from "../src/cli/table.ts";
import { bpfObjectPath } from "../src/kernel/bpf-objects.ts";
import { loadObject } from "../src/kernel/object.ts";
import { runSyscallProgram } from "../src/kernel/test-run.ts";
import { SCHEDULERS, type SchedulerName } from "../src/model/service.ts";
import { benchChoicesCodec, MAPS, type MapName } from "../src/wire/abi.ts";
import { decoded, encoded } from "../src/wire/codec.ts";
import { type BenchOptions, type Case, combine, interleave, machine, median, progress, ratio, runBench, samplesOf } from "./measure.ts";
import { Harness, Rig } from "./packet-rig.ts";

const USAGE = `usage: node bench/schedulers.ts [--quick] [-o json]
  --quick   5 rounds instead of 15
  -o json   the figures as JSON
As root. Exit code 0: the goal is met; 1: not, or it could not be measured.`;

const ROUNDS = { quick: 5, full: 15 };
const SERVERS = [4, 64, 1000, 4096] as const;
const [FEW] = SERVERS;
/** Connections a sample: few enough for the table, enough for the clock. */
const CHOICES = 5000;
const CONNECTIONS = 20_000;
/** A difference below that is lost in what was taken off. */
const LEAST_NS = 10;
/** How much more a new connection by wlc may cost over 4,096 servers than over 4. */
const GOAL = 10;

/** Of four kinds, and so much that ovf never has its fill. */
function weight(server: number): number {
  return 30_000 + (server % 4) * 10_000;
}

interface Row {
  readonly scheduler: SchedulerName;
  readonly servers: number;
  readonly choiceNs: number;
  readonly connectionNs: number;
  /** To the same over 4 servers. */
  readonly choiceToFew: number;
  readonly connectionToFew: number;
}

/** One director with so many servers, and the program that chooses on its maps. */
class Bench {
  readonly servers: number;
  readonly #rig: Rig;
  readonly #choices: ReturnType<typeof loadObject>;

  constructor(servers: number) {
    this.servers = servers;
    this.#rig = new Rig("nat", "ipv4", { servers, weight });
    const { maps } = this.#rig.path;
    const shared = Object.fromEntries((Object.keys(MAPS) as MapName[]).map((name) => [name, { reuseFd: maps[name].fd }]));
    this.#choices = loadObject(bpfObjectPath("bench_schedule"), { maps: shared });
  }

  /** Nanoseconds a choice, with the rest of the work. Without a scheduler: only the rest. */
  choice(scheduler: SchedulerName | undefined): number {
    this.#begin(scheduler ?? "rr");
    const question = {
      plan: this.#rig.planNumber(),
      repeat: CHOICES,
      schedule: scheduler === undefined ? 0 : 1,
      refused: 0,
      elapsedNs: 0n,
    };
    const { argument } = runSyscallProgram(this.#choices.program("choices").fd, encoded(benchChoicesCodec, question));
    const { elapsedNs, refused } = decoded(benchChoicesCodec, argument);
    if (refused > 0) throw new Error(`${refused} of ${CHOICES} choices of ${scheduler} over ${this.servers} servers found none`);
    return Number(elapsedNs) / CHOICES;
  }

  /** Nanoseconds of a flow's first packet, with the harness. */
  connection(harness: Harness, scheduler: SchedulerName): number {
    this.#begin(scheduler);
    const before = this.#rig.forwarded();
    const request = { frame: this.#rig.frame("new"), order: "next", flows: CONNECTIONS, repeat: CONNECTIONS } as const;
    const { durationNs } = harness.measure(this.#rig, this.#rig.program("tc"), request);
    const forwarded = this.#rig.forwarded() - before;
    if (forwarded !== CONNECTIONS) {
      const what = this.#rig.outcomesText();
      throw new Error(`${CONNECTIONS} connections by ${scheduler} over ${this.servers} servers: ${forwarded} were forwarded (${what})`);
    }
    return durationNs;
  }

  harnessAlone(harness: Harness): number {
    const request = { frame: this.#rig.frame("new"), order: "next", flows: CONNECTIONS, repeat: CONNECTIONS } as const;
    return harness.measure(this.#rig, harness.empty, request).durationNs;
  }

  close(): void {
    this.#choices.close();
    this.#rig.close();
  }

  /** No connection, no load, and a plan that knows nothing of the loads before. */
  #begin(scheduler: SchedulerName): void {
    this.#rig.clear();
    this.#rig.reschedule(scheduler === "rr" ? "wrr" : "rr");
    this.#rig.reschedule(scheduler);
  }
}

await runBench({ usage: USAGE, run });

function run(options: BenchOptions): boolean {
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  const harness = new Harness("tc");
  const benches = SERVERS.map((servers) => new Bench(servers));
  try {
    const cases = [
      { name: "harness", sample: () => benches[0]?.harnessAlone(harness) ?? Number.NaN },
      ...benches.flatMap((bench) => casesOf(bench, harness)),
    ];
    const samples = interleave(cases, { rounds, onRound: (round) => progress(`round ${round} of ${rounds}`) });
    progress("");
    const of = (...name: readonly (string | number)[]) => samplesOf(samples, name.join(" "));
    const rows = SCHEDULERS.flatMap((scheduler) =>
      SERVERS.map((servers): Row => {
        const choice = (count: number) => combine([of("choice", scheduler, count), of("rest", count)], (all, rest) => all - rest);
        const connection = (count: number) => combine([of("connection", scheduler, count), of("harness")], (all, rest) => all - rest);
        return {
          scheduler,
          servers,
          choiceNs: median(choice(servers)),
          connectionNs: median(connection(servers)),
          choiceToFew: ratio(choice(servers), choice(FEW)),
          connectionToFew: ratio(connection(servers), connection(FEW)),
        };
      }),
    );
    const wlc = rows.find(({ scheduler, servers }) => scheduler === "wlc" && servers === SERVERS.at(-1));
    const met = wlc !== undefined && wlc.connectionToFew <= GOAL;
    if (options.json) console.log(JSON.stringify({ machine: machine(), rounds, goal: GOAL, met, rows }, undefined, 2));
    else print(rows, rounds, wlc?.connectionToFew ?? Number.NaN, met);
    return met;
  } finally {
    for (const bench of benches) bench.close();
    harness.close();
  }
}

function casesOf(bench: Bench, harness: Harness): Case[] {
  const { servers } = bench;
  return [
    { name: `rest ${servers}`, sample: () => bench.choice(undefined) },
    ...SCHEDULERS.flatMap((scheduler) => [
      { name: `choice ${scheduler} ${servers}`, sample: () => bench.choice(scheduler) },
      { name: `connection ${scheduler} ${servers}`, sample: () => bench.connection(harness, scheduler) },
    ]),
  ];
}

function print(rows: readonly Row[], rounds: number, figure: number, met: boolean): void {
  const { kernel, cpu, cpus } = machine();
  const ns = (value: number, times: number) => (value < LEAST_NS ? `< ${LEAST_NS}` : `${Math.round(value)} (${times.toFixed(1)})`);
  const table = SCHEDULERS.map((scheduler) => {
    const own = rows.filter((row) => row.scheduler === scheduler);
    return [
      scheduler,
      ...own.map(({ choiceNs, choiceToFew }) => ns(choiceNs, choiceToFew)),
      ...own.map(({ connectionNs, connectionToFew }) => ns(connectionNs, connectionToFew)),
    ];
  });
  const heads = ["choice", "new connection"].flatMap((what) =>
    SERVERS.map((servers) => ({ title: `${what}, ${servers}`, align: "right" as const })),
  );
  console.log(
    `Nanoseconds, and in brackets the ratio to the same with ${FEW} servers; medians of ${rounds} rounds. ${cpus} × ${cpu}, Linux ${kernel}.\n`,
  );
  console.log(renderTable([{ title: "scheduler" }, ...heads], table));
  console.log(
    `\na new connection by wlc over ${SERVERS.at(-1)} servers: ${figure.toFixed(1)} times that over ${FEW}; goal ${GOAL}: ${met ? "met" : "not met"}`,
  );
  console.log("again: node bench/schedulers.ts");
}
