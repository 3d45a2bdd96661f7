/**
 * What one packet costs: nanoseconds by BPF_PROG_TEST_RUN, as ratios to an empty program and to a MAC swap.
 *
 *   node bench/packet.ts [--quick] [-o json] [--against DIRECTORY]
 *
 * The kernel hands the same bytes to every repetition and never restores them, so a program that lowers a TTL, rewrites an address or
 * grows a packet would soon measure something else. Three ways out were weighed. Live frames (BPF_F_TEST_XDP_LIVE_FRAMES) do not restore
 * the bytes either, know no tc, and mostly measure the driver that sends. A director compiled into a harness would be another program:
 * other registers, other inlining. So the harness stands in front: `restore` (bpf/bench.bpf.c) writes the headers anew, with a random
 * client where many flows are wanted, and tail-calls the very program that is loaded for traffic.
 *
 *   net = (restore + program) - (restore + empty) + empty alone          the median of the rounds' own differences
 *
 * Computed so, a MAC swap must cost what it costs alone; the table shows both. On tc the kernel gives no way to take an encapsulation off
 * again, so TUN is measured there one packet a call, with caches and branches as a system call leaves them.
 */

import { renderTable } from "../src/cli/table.ts";
import { type BenchOptions, combine, interleave, machine, median, progress, ratio, runBench, type Samples, samplesOf } from "./measure.ts";
import { aloneName, emptyName, HOOKS, otherBuildName, prepare, restoredName, type Subject, subjectName } from "./packet-cases.ts";
import type { Hook, Order } from "./packet-rig.ts";

const USAGE = `usage: node bench/packet.ts [--quick] [-o json] [--against DIRECTORY]
  --quick              5 rounds instead of 21
  -o json              the figures as JSON
  --against DIRECTORY  measure the director-*.o of another build in the same rounds too, and print this build's cost as a ratio to it
                       (its maps must have this build's layouts: bpf/abi.h)
As root. Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const ROUNDS = { quick: 5, full: 21 };

/** How many MAC swaps a packet may cost on XDP. */
const GOALS: Readonly<Record<Order, Readonly<Record<Subject["method"], number>> | undefined>> = {
  fixed: { dr: 3, nat: 3.5, tun: 4 },
  random: { dr: 12, nat: 12, tun: 12 },
  next: undefined,
};
const FLOWS_TEXT = { fixed: "1", random: "32k", next: "new" } as const satisfies Record<Order, string>;

interface Base {
  readonly hook: Hook;
  readonly emptyNs: number;
  readonly swapNs: number;
  /** What the method of the table makes of it: the check on that method. */
  readonly swapNetNs: number;
  readonly restoreNs: number;
}

interface Row extends Subject {
  /** As the kernel told it, with the harness. */
  readonly rawNs: number;
  readonly netNs: number;
  readonly bestNs: number;
  readonly toEmpty: number;
  readonly toSwap: number;
  readonly goal: number | undefined;
  readonly met: boolean | undefined;
  readonly toOtherBuild: number | undefined;
}

await runBench({ usage: USAGE, own: ["against"], run });

function run(options: BenchOptions): boolean {
  const against = options.own["against"];
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  const set = prepare(against, progress);
  let samples: Samples;
  try {
    samples = interleave(set.cases, { rounds, onRound: (round) => progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`) });
  } finally {
    progress("");
    set.close();
  }
  const bases = HOOKS.map((hook) => baseOf(hook, samples));
  const rows = set.subjects.map((subject) => rowOf(subject, samples, against !== undefined));
  if (options.json) process.stdout.write(`${JSON.stringify({ bench: "packet", machine: machine(), rounds, bases, rows }, undefined, 2)}\n`);
  else process.stdout.write(`${report({ bases, rows, rounds, against })}\n`);
  return rows.every(({ met }) => met !== false);
}

/** Round by round: what the harness adds is taken off, what the kernel's loop takes stays in. */
function netOf(samples: Samples, hook: Hook, program: string, empty: string): number[] {
  const series = [program, empty, aloneName(hook, "empty")].map((name) => samplesOf(samples, name));
  return combine(series, (raw = 0, base = 0, alone = 0) => raw - base + alone);
}

function baseOf(hook: Hook, samples: Samples): Base {
  const alone = (program: "empty" | "swap") => median(samplesOf(samples, aloneName(hook, program)));
  const emptyRestored = restoredName(hook, "empty");
  return {
    hook,
    emptyNs: alone("empty"),
    swapNs: alone("swap"),
    swapNetNs: median(netOf(samples, hook, restoredName(hook, "swap"), emptyRestored)),
    restoreNs: median(
      combine([samplesOf(samples, emptyRestored), samplesOf(samples, aloneName(hook, "empty"))], (raw = 0, base = 0) => raw - base),
    ),
  };
}

function rowOf(subject: Subject, samples: Samples, compared: boolean): Row {
  const { hook, method, order } = subject;
  const raw = samplesOf(samples, subjectName(subject));
  const net = netOf(samples, hook, subjectName(subject), emptyName(subject));
  const toSwap = ratio(net, samplesOf(samples, aloneName(hook, "swap")));
  const goal = hook === "xdp" ? GOALS[order]?.[method] : undefined;
  return {
    ...subject,
    rawNs: median(raw),
    netNs: median(net),
    bestNs: Math.min(...net),
    toEmpty: ratio(net, samplesOf(samples, aloneName(hook, "empty"))),
    toSwap,
    goal,
    met: goal === undefined ? undefined : toSwap <= goal,
    toOtherBuild: compared ? ratio(net, netOf(samples, hook, otherBuildName(subject), emptyName(subject))) : undefined,
  };
}

function report(result: { bases: readonly Base[]; rows: readonly Row[]; rounds: number; against: string | undefined }): string {
  const { bases, rows, rounds, against } = result;
  const { kernel, cpu, cpus } = machine();
  const missed = rows.filter(({ met }) => met === false).length;
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "hook" },
    { title: "method" },
    { title: "family" },
    right("flows"),
    right("raw ns"),
    right("net ns"),
    right("best"),
    right("x empty"),
    right("x swap"),
    right("goal"),
    { title: "" },
    ...(against === undefined ? [] : [right("x other build")]),
  ];
  const cells = rows.map((row) => [
    row.hook,
    `${row.method}${row.singly ? " *" : ""}`,
    row.family,
    FLOWS_TEXT[row.order],
    row.rawNs.toFixed(0),
    row.netNs.toFixed(1),
    row.bestNs.toFixed(1),
    row.toEmpty.toFixed(1),
    row.toSwap.toFixed(1),
    row.goal === undefined ? "" : `<= ${row.goal}`,
    row.met === undefined ? "" : row.met ? "met" : "MISSED",
    ...(row.toOtherBuild === undefined ? [] : [row.toOtherBuild.toFixed(2)]),
  ]);
  return [
    `One packet by BPF_PROG_TEST_RUN on Linux ${kernel}, ${cpus} x ${cpu}; medians of ${rounds} interleaved rounds.`,
    ...bases.map(
      ({ hook, emptyNs, swapNs, swapNetNs, restoreNs }) =>
        `${hook}: empty ${emptyNs.toFixed(1)} ns, MAC swap ${swapNs.toFixed(1)} ns (${swapNetNs.toFixed(1)} by the table's method); the harness takes ${restoreNs.toFixed(1)} ns.`,
    ),
    "",
    renderTable(columns, cells),
    "",
    "* one packet a call, colder than the others. flows: 32k = in random order; new = each packet a SYN of a client never seen.",
    missed === 0 ? "Every goal is met." : `${missed} of ${rows.filter(({ goal }) => goal !== undefined).length} goals are missed.`,
    `To repeat: node bench/packet.ts${against === undefined ? "" : ` --against ${against}`}`,
  ].join("\n");
}
