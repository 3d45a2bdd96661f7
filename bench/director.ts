/**
 * What a running director costs: its start, `plan` and `apply` with 10,000 servers in 500 services, and 2,000 HTTP checks a second.
 *
 *   node bench/director.ts [--quick] [--only scale|checks] [-o json]
 *
 * Everything is done as a user does it, by the command, and timed from outside; beside each figure stands the floor of a command, `node -e 0`, of
 * the same round. `check` only reads the file: what is above it is the director's. The checks' CPU time is that of the whole process, user and
 * system, as /proc/PID/stat has it; the servers are another process, which also says when it was asked: how evenly that is stands beside
 * chance (a Poisson process of the same rate).
 */

import { renderTable } from "../src/cli/table.ts";
import { EvenkeelError } from "../src/model/error.ts";
import type { Size } from "./control-plane-rig.ts";
import { emptyNode, type Pace, ScaleRig, steadyChecks } from "./director-rig.ts";
import { type BenchOptions, machine, median, progress, ratio, runBench } from "./measure.ts";

const USAGE = `usage: node bench/director.ts [--quick] [--only scale|checks] [-o json]
  --quick   2 rounds instead of 5; 5 seconds of checks instead of 20
  --only    one part
  -o json   the figures as JSON
As root. Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const SIZE: Size = { services: 500, servers: 10_000 };
const CHECKED_SERVERS = 2000;
const SETTLING_SECONDS = 5;
const GOAL_MS = 5000;
/** Of one core. */
const GOAL_SHARE = 0.6;
const PACE_LEAST = 0.97;
const FLOOR = "node -e 0";

/** What is timed in each round, in this order: each begins where the one before it ended. */
const STEPS: readonly { readonly what: string; readonly take: (rig: ScaleRig) => number | Promise<number> }[] = [
  { what: FLOOR, take: () => emptyNode() },
  { what: "check (reads the file)", take: (rig) => rig.check() },
  { what: "run until ready, empty kernel", take: (rig) => rig.start("empty") },
  { what: "plan, same file", take: (rig) => rig.command("plan", "same") },
  { what: "plan, 501 differences", take: (rig) => rig.command("plan", "changed") },
  { what: "apply, 501 differences", take: (rig) => rig.command("apply", "changed") },
  { what: "apply, and back", take: (rig) => rig.command("apply", "same") },
  { what: "run until ready, all stands", take: (rig) => rig.start("standing") },
];

interface Scale {
  readonly rows: readonly {
    readonly what: string;
    readonly ms: number;
    readonly most: number;
    readonly toFloor: number;
    readonly met: boolean;
  }[];
  readonly residentMb: { readonly now: number; readonly most: number };
}

await runBench({ usage: USAGE, own: ["only"], run });

async function run(options: BenchOptions): Promise<boolean> {
  const only = options.own["only"];
  if (only !== undefined && only !== "scale" && only !== "checks")
    throw new EvenkeelError("BAD_ARGUMENT", `--only ${only}: there are scale and checks`);
  const scale = only === "checks" ? undefined : await measureScale(options.quick ? 2 : 5);
  progress("checks");
  const pace = only === "scale" ? undefined : await steadyChecks(CHECKED_SERVERS, SETTLING_SECONDS, options.quick ? 5 : 20);
  progress("");
  if (options.json)
    process.stdout.write(`${JSON.stringify({ bench: "director", machine: machine(), ...SIZE, scale, pace }, undefined, 2)}\n`);
  else
    process.stdout.write(
      `${[header(), ...(scale === undefined ? [] : [tellScale(scale)]), ...(pace === undefined ? [] : [tellPace(pace)])].join("\n\n")}\n`,
    );
  return (scale?.rows.every(({ met }) => met) ?? true) && (pace === undefined || keepsPace(pace));
}

async function measureScale(rounds: number): Promise<Scale> {
  const rig = new ScaleRig(SIZE);
  try {
    const samples = new Map(STEPS.map(({ what }) => [what, [] as number[]]));
    for (let round = 0; round < rounds; round++)
      for (const { what, take } of STEPS) {
        progress(`round ${round + 1} of ${rounds}: ${what}`);
        samples.get(what)?.push(await take(rig));
      }
    const residentMb = rig.residentMb();
    const floor = samples.get(FLOOR) ?? [];
    const rows = [...samples].map(([what, taken]) => {
      const ms = median(taken);
      return { what, ms, most: Math.max(...taken), toFloor: ratio(taken, floor), met: ms <= GOAL_MS };
    });
    return { rows, residentMb };
  } finally {
    await rig.close();
  }
}

function keepsPace({ checksASecond, share, servers, up }: Pace): boolean {
  return share <= GOAL_SHARE && checksASecond >= PACE_LEAST * servers && up === servers;
}

function header(): string {
  const { kernel, cpu, cpus } = machine();
  return `A running director on Linux ${kernel}, ${cpus} x ${cpu}.`;
}

function tellScale({ rows, residentMb }: Scale): string {
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: `${SIZE.servers} servers in ${SIZE.services} services` },
    right("ms"),
    right("most"),
    right("x floor"),
    { title: `<= ${GOAL_MS}` },
  ];
  const lines = rows.map(({ what, ms, most, toFloor, met }) => [
    what,
    ms.toFixed(0),
    most.toFixed(0),
    toFloor.toFixed(1),
    met ? "met" : "MISSED",
  ]);
  return `${renderTable(columns, lines)}\nmemory: ${residentMb.now.toFixed(0)} MB resident, ${residentMb.most.toFixed(0)} MB at most`;
}

function tellPace(pace: Pace): string {
  const { checksASecond, share, evenness, residentMb, servers, up } = pace;
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  return [
    `${checksASecond.toFixed(0)} HTTP checks a second of ${servers} servers (${up} up): ${percent(share)} of a core (goal: at most ${percent(GOAL_SHARE)}), ` +
      `${residentMb.now.toFixed(0)} MB resident, ${residentMb.most.toFixed(0)} MB at most`,
    `starts in ${evenness.binMs} ms: ${evenness.least.toFixed(2)} to ${evenness.most.toFixed(2)} of an even share; they vary by ${percent(evenness.variation)} of it, ` +
      `by chance (Poisson) it would be ${percent(evenness.byChance)}`,
    `of each interval's tenths: ${evenness.tenths.map((tenth) => tenth.toFixed(2)).join(" ")} of an even share`,
    keepsPace(pace) ? "The goal is met." : "The goal is MISSED.",
  ].join("\n");
}
