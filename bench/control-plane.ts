/**
 * What the control plane costs when there is much of it: opening, filling, one change, counting, and the commands that do all of it.
 *
 *   node bench/control-plane.ts [--quick] [-o json]
 *
 * Milliseconds, and as a ratio to a floor measured in the same round: as many map updates as there are servers in the largest state, each
 * by a system call of its own, which is about what the kernel asks for being told of them one by one.
 */

import { renderTable } from "../src/cli/table.ts";
import { ControlRig, type Size } from "./control-plane-rig.ts";
import { type BenchOptions, type Case, interleave, machine, median, progress, ratio, runBench, samplesOf } from "./measure.ts";

const USAGE = `usage: node bench/control-plane.ts [--quick] [-o json]
  --quick   3 rounds instead of 9
  -o json   the figures as JSON
As root. Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const ROUNDS = { quick: 3, full: 9 };
const LARGE: Size = { services: 1000, servers: 20_000 };
const MIDDLE: Size = { services: 500, servers: 10_000 };
const WIDE: Size = { services: 8000, servers: 10_000 };
const FLOOR = "floor";

interface Subject extends Case {
  readonly size: Size;
  readonly what: string;
  readonly goalMs: number;
}

interface Row {
  readonly what: string;
  readonly services: number;
  readonly servers: number;
  readonly ms: number;
  readonly toFloor: number;
  readonly goalMs: number;
  readonly met: boolean;
}

await runBench({ usage: USAGE, run });

function run(options: BenchOptions): boolean {
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  const rigs = new Map<Size, ControlRig>();
  try {
    for (const size of [LARGE, MIDDLE, WIDE]) rigs.set(size, new ControlRig(size));
    const subjects = [...rigs].flatMap(([size, rig]) => subjectsOf(size, rig));
    const standing = rigs.get(LARGE);
    const floor: Case = { name: FLOOR, sample: () => standing?.updateByCalls(LARGE.servers) ?? Number.NaN };
    // Every packet path stands before the first round.
    for (const rig of rigs.values()) rig.fill();
    const onRound = (round: number) => progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const samples = interleave([floor, ...subjects], { rounds, onRound });
    progress("");
    const base = samplesOf(samples, FLOOR);
    const rows = subjects.map(({ name, what, size, goalMs }): Row => {
      const ms = median(samplesOf(samples, name));
      return { what, ...size, ms, toFloor: ratio(samplesOf(samples, name), base), goalMs, met: ms <= goalMs };
    });
    const result = { bench: "control-plane", machine: machine(), rounds, floorMs: median(base), rows };
    process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `${report(result)}\n`);
    return rows.every(({ met }) => met);
  } finally {
    progress("");
    for (const rig of rigs.values()) rig.close();
  }
}

function subjectsOf(size: Size, rig: ControlRig): Subject[] {
  const subject = (what: string, goalMs: number, sample: () => number): Subject => ({
    name: `${what}, ${size.services} services`,
    what,
    size,
    goalMs,
    sample,
  });
  const apply = () => {
    rig.clear();
    return rig.command("apply");
  };
  if (size !== LARGE) {
    return [
      subject("evenkeel apply", size === WIDE ? 10_000 : 5000, apply),
      subject("evenkeel apply, unchanged", size === WIDE ? 10_000 : 5000, () => rig.command("apply")),
      subject("evenkeel status", 2000, () => rig.command("status")),
    ];
  }
  return [
    subject("fill an empty packet path", 1500, () => rig.fill()),
    subject("open and read", 300, () => rig.open()),
    subject("add a server", 60, () => rig.change("add-server")),
    subject("change a weight", 60, () => rig.change("edit-server")),
    subject("count", 300, () => rig.counters()),
    subject("ask for all ways again", 1500, () => rig.refreshWays()),
  ];
}

function report({ rounds, floorMs, rows }: { rounds: number; floorMs: number; rows: readonly Row[] }): string {
  const { kernel, cpu, cpus } = machine();
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [{ title: "what" }, right("services"), right("servers"), right("ms"), right("x floor"), right("goal"), { title: "" }];
  const lines = rows.map(({ what, services, servers, ms, toFloor, goalMs, met }) => [
    what,
    `${services}`,
    `${servers}`,
    ms.toFixed(ms < 10 ? 1 : 0),
    toFloor.toFixed(toFloor < 10 ? 2 : 0),
    `<= ${goalMs}`,
    met ? "met" : "MISSED",
  ]);
  const missed = rows.filter(({ met }) => !met).length;
  return [
    `The control plane on Linux ${kernel}, ${cpus} x ${cpu}; medians of ${rounds} interleaved rounds.`,
    `The floor, ${LARGE.servers} map updates by as many system calls, takes ${floorMs.toFixed(0)} ms.`,
    "",
    renderTable(columns, lines),
    "",
    missed === 0 ? "Every goal is met." : `${missed} of ${rows.length} goals are missed.`,
    "To repeat: make bench-control",
  ].join("\n");
}
