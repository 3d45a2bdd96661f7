/**
 * What a million connections cost: memory, a packet, a new connection, a sweep, counting and listing.
 *
 *   node bench/connections.ts [--quick] [-o json]
 *
 * The table is filled by packets through the program, a million handshakes a forwarding method, and holds them all while packets of one,
 * of 32 thousand and of all its flows pass in random order. Nanoseconds a packet as in bench/packet.ts: the harness that restores each
 * packet's headers is taken off, and what is left is compared with a MAC swap in the same round.
 */

import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { listAsJson } from "../src/cli/connection-listing.ts";
import { renderTable } from "../src/cli/table.ts";
import { ConnectionReader } from "../src/director/connection-reader.ts";
import { connectionCodec } from "../src/wire/abi.ts";
import { EXTENTS, type Extent, FLOWS, LINE, prepareTables, type Table, type TableSet } from "./connection-cases.ts";
import { type BenchOptions, combine, interleave, machine, median, progress, ratio, runBench, type Samples, samplesOf } from "./measure.ts";
import { type ReadingResult, readUnderTraffic } from "./read-under-traffic.ts";

const USAGE = `usage: node bench/connections.ts [--quick] [-o json]
  --quick   5 rounds instead of 15
  -o json   the figures as JSON
As root, with 700 MB of free memory. Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const ROUNDS = { quick: 5, full: 15 };

/** How many MAC swaps a packet may cost on XDP, and how long a sweep of a million may take. */
const GOALS: Readonly<Record<Extent, number>> = { one: 3, some: 6, all: 12 };
const SWEEP_GOAL_MS = 25;

interface PacketRow {
  readonly hook: string;
  readonly method: string;
  readonly family: string;
  readonly flows: number;
  readonly netNs: number;
  readonly toSwap: number;
  readonly goal: number | undefined;
  readonly met: boolean | undefined;
}

interface TableFigures {
  readonly connections: number;
  readonly bytesEach: number;
  readonly newNs: number;
  readonly newToSwap: number;
  readonly sweepMs: number;
  readonly sweepGoalMs: number;
  readonly sweepMet: boolean;
  /** All of them past their time. */
  readonly sweepExpiredMs: number;
  readonly countMs: number;
  readonly listMs: number;
  readonly listMegabytes: number;
}

await runBench({ usage: USAGE, run });

async function run(options: BenchOptions): Promise<boolean> {
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  const set = prepareTables(progress);
  try {
    const onRound = (round: number) => progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const samples = interleave(set.cases, { rounds, onRound });
    const packets = set.subjects.map((subject) => packetRow(subject, samples));
    progress("sweeping, counting, listing");
    const swapNs = median(samplesOf(samples, set.swapName("xdp")));
    const lineNs = median(
      combine(
        [LINE, set.emptyName("xdp")].map((name) => samplesOf(samples, name)),
        (line = 0, empty = 0) => line - empty,
      ),
    );
    const table = await tableFigures(set, swapNs);
    progress("reading under traffic");
    const underTraffic = await readUnderTraffic({ connectionsMax: FLOWS, established: FLOWS, times: 3 });
    progress("");
    const result = { bench: "connections", machine: machine(), rounds, swapNs, lineNs, packets, table, underTraffic };
    process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `${report(result)}\n`);
    return table.sweepMet && underTraffic.wrong.length === 0 && packets.every(({ met }) => met !== false);
  } finally {
    progress("");
    set.close();
  }
}

function packetRow(subject: TableSet["subjects"][number], samples: Samples): PacketRow {
  const { hook, method, family, extent } = subject;
  const series = [subject.name, subject.emptyName, subject.aloneEmptyName].map((name) => samplesOf(samples, name));
  const net = combine(series, (raw = 0, empty = 0, alone = 0) => raw - empty + alone);
  const toSwap = ratio(net, samplesOf(samples, subject.swapName));
  const goal = hook === "xdp" ? GOALS[extent] : undefined;
  return {
    hook,
    method,
    family,
    flows: EXTENTS[extent],
    netNs: median(net),
    toSwap,
    goal,
    met: goal === undefined ? undefined : toSwap <= goal,
  };
}

async function tableFigures(set: TableSet, swapNs: number): Promise<TableFigures> {
  const table = set.first;
  const sweepMs = median(repeated(9, () => timed(() => table.rig.path.sweep())));
  const { countMs, listMs, bytes } = await readingTimes(table);
  // Filled again and again: the first time the memory is touched first.
  const fills = repeated(5, () => table.fill());
  const sweepExpiredMs = table.expireAll();
  const memory = table.bytes();
  return {
    connections: FLOWS,
    bytesEach: memory / FLOWS,
    newNs: median(fills),
    newToSwap: median(fills) / swapNs,
    sweepMs,
    sweepGoalMs: SWEEP_GOAL_MS,
    sweepMet: sweepMs <= SWEEP_GOAL_MS,
    sweepExpiredMs,
    countMs,
    listMs,
    listMegabytes: bytes / 1e6,
  };
}

async function readingTimes(table: Table): Promise<{ countMs: number; listMs: number; bytes: number }> {
  const reader = new ConnectionReader(table.rig.path);
  try {
    const countMs = median(repeated(5, () => timed(() => reader.count())));
    const begun = performance.now();
    const stream = createWriteStream("/dev/null");
    await listAsJson(reader.connections(), { limit: Number.POSITIVE_INFINITY, stream });
    stream.end();
    await finished(stream);
    return { countMs, listMs: performance.now() - begun, bytes: stream.bytesWritten };
  } finally {
    reader.close();
  }
}

function repeated(times: number, sample: () => number): number[] {
  return Array.from({ length: times }, sample);
}

function timed(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function report(result: {
  rounds: number;
  swapNs: number;
  lineNs: number;
  packets: readonly PacketRow[];
  table: TableFigures;
  underTraffic: ReadingResult;
}): string {
  const { rounds, swapNs, lineNs, packets, table, underTraffic } = result;
  const { kernel, cpu, cpus } = machine();
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "hook" },
    { title: "method" },
    { title: "family" },
    right("flows"),
    right("ns"),
    right("x swap"),
    right("goal"),
    { title: "" },
  ];
  const rows = packets.map((row) => [
    row.hook,
    row.method,
    row.family,
    `${row.flows}`,
    row.netNs.toFixed(1),
    row.toSwap.toFixed(1),
    row.goal === undefined ? "" : `<= ${row.goal}`,
    verdict(row.met),
  ]);
  const goals = [...packets.map(({ met }) => met), table.sweepMet].filter((met) => met !== undefined);
  const missed = goals.filter((met) => !met).length;
  return [
    `A table that holds ${table.connections} connections, on Linux ${kernel}, ${cpus} x ${cpu}; medians of ${rounds} interleaved rounds.`,
    `A MAC swap takes ${swapNs.toFixed(1)} ns on XDP. To wait for one random line of such a table takes ${lineNs.toFixed(0)} ns, ${(lineNs / swapNs).toFixed(0)} MAC swaps.`,
    "",
    renderTable(columns, rows),
    "",
    `memory:         ${table.bytesEach.toFixed(0)} bytes a connection (${connectionCodec.size} of them its slot; the rest is room that a table needs)`,
    `new connection: ${table.newNs.toFixed(0)} ns, ${table.newToSwap.toFixed(0)} MAC swaps: SYN by SYN into an empty table until it holds a million`,
    `sweep:          ${table.sweepMs.toFixed(1)} ms a million that live (goal ${table.sweepGoalMs} ms: ${verdict(table.sweepMet)}), ${table.sweepExpiredMs.toFixed(0)} ms a million that all end`,
    `counting:       ${table.countMs.toFixed(0)} ms by state and by server`,
    `listing:        ${(table.listMs / 1000).toFixed(1)} s as ${table.listMegabytes.toFixed(0)} MB of JSON`,
    `under traffic:  ${underTraffic.read} entries listed in 3 passes, each with a sweep and a count, while ${underTraffic.packets} SYNs came: ${underTraffic.wrong.length} wrong`,
    "",
    missed === 0 ? "Every goal is met." : `${missed} of ${goals.length} goals are missed.`,
    "To repeat: node bench/connections.ts",
  ].join("\n");
}

function verdict(met: boolean | undefined): string {
  return met === undefined ? "" : met ? "met" : "MISSED";
}
