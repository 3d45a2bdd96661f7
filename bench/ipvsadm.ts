/**
 * What a call of ipvsadm takes, as its callers wait for it: the whole process, from the launcher's first line to its exit.
 *
 *   node bench/ipvsadm.ts [--quick] [-o json]
 *
 * Milliseconds, and as a ratio to `node -e 0` in the same round: what starting our Node costs when it does nothing.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderTable } from "../src/cli/table.ts";
import { addLink, changeLink } from "../src/kernel/links.ts";
import { inNamespace, inNewNamespace } from "../src/kernel/namespace.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { type BenchOptions, type Case, interleave, machine, median, progress, ratio, runBench, samplesOf } from "./measure.ts";

const USAGE = `usage: node bench/ipvsadm.ts [--quick] [-o json]
  --quick   3 rounds instead of 9
  -o json   the figures as JSON
As root. Exit code 0: every goal is met; 1: not, or it could not be measured.`;

const ROUNDS = { quick: 3, full: 9 };
const SMALL = { services: 10, servers: 2 };
const LARGE = { services: 1000, servers: 20 };
const FLOOR = "node -e 0";
const IPVSADM = fileURLToPath(new URL("../bin/ipvsadm", import.meta.url));

/** A network namespace of its own with one interface. */
class Place {
  readonly #namespace: number;

  constructor() {
    this.#namespace = inNewNamespace(() => {
      addLink({ kind: "veth", name: "front", peer: { name: "peer" } });
      for (const name of ["lo", "front", "peer"]) changeLink(name, { up: true });
      return openSync("/proc/thread-self/ns/net", "r");
    });
  }

  ipvsadm(args: readonly string[], input?: string): string {
    return inNamespace(this.#namespace, () => mustRun(IPVSADM, args, input));
  }

  /** Milliseconds. */
  timed(args: readonly string[], input?: string): number {
    return timed(() => this.ipvsadm(args, input));
  }

  teardown(): void {
    inNamespace(this.#namespace, () => mustRun(IPVSADM.replace(/ipvsadm$/, "evenkeel"), ["teardown"]));
  }

  close(): void {
    this.teardown();
    closeSync(this.#namespace);
  }
}

interface Subject extends Case {
  readonly goalMs: number;
}

function run(options: BenchOptions): boolean {
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  const [small, large, fresh] = [new Place(), new Place(), new Place()];
  try {
    small.ipvsadm(["-R"], rules(SMALL));
    large.ipvsadm(["-R"], rules(LARGE));
    const saved = large.ipvsadm(["-S", "-n"]);
    const subjects: Subject[] = [
      { name: "ipvsadm -Ln, 10 services", goalMs: 200, sample: () => small.timed(["-Ln"]) },
      { name: "ipvsadm -e, 10 services", goalMs: 200, sample: () => small.timed(["-e", "-t", "192.0.2.1:1", "-r", "10.1.0.0:80", "-m"]) },
      { name: "ipvsadm -S -n, 1,000 services with 20 servers each", goalMs: 1000, sample: () => large.timed(["-S", "-n"]) },
      {
        name: "ipvsadm -R of it, into a namespace without a packet path",
        goalMs: 3000,
        sample: () => {
          fresh.teardown();
          return fresh.timed(["-R"], saved);
        },
      },
      { name: "ipvsadm -Ln of it", goalMs: 1000, sample: () => large.timed(["-Ln"]) },
      { name: "ipvsadm -e beside it", goalMs: 500, sample: () => large.timed(["-e", "-t", "192.0.2.1:1", "-r", "10.1.0.0:80", "-m"]) },
    ];
    const floor: Case = { name: FLOOR, sample: () => timed(() => mustRun(process.execPath, ["-e", "0"])) };
    const onRound = (round: number) => progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const samples = interleave([floor, ...subjects], { rounds, onRound });
    progress("");
    if (fresh.ipvsadm(["-S", "-n"]) !== saved) throw new EvenkeelError("EXPECTATION_FAILED", "what was restored is not what was saved");
    const base = samplesOf(samples, FLOOR);
    const rows = subjects.map(({ name, goalMs }) => {
      const ms = median(samplesOf(samples, name));
      return { what: name, ms, toFloor: ratio(samplesOf(samples, name), base), goalMs, met: ms <= goalMs };
    });
    const result = { bench: "ipvsadm", machine: machine(), rounds, floorMs: median(base), rows };
    process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `${report(result)}\n`);
    return rows.every(({ met }) => met);
  } finally {
    progress("");
    for (const place of [small, large, fresh]) place.close();
  }
}

/** Lines as -S prints them. */
function rules({ services, servers }: { readonly services: number; readonly servers: number }): string {
  const lines = Array.from({ length: services }, (_, i) => {
    const service = `-t 192.0.2.${1 + (i % 250)}:${1 + Math.floor(i / 250)}`;
    const each = Array.from({ length: servers }, (_server, j) => {
      const number = i * servers + j;
      return `-a ${service} -r 10.1.${number >> 8}.${number & 0xff}:80 -m -w ${1 + (j % 7)}`;
    });
    return [`-A ${service} -s wlc`, ...each].join("\n");
  });
  return `${lines.join("\n")}\n`;
}

function mustRun(command: string, args: readonly string[], input?: string): string {
  const ran = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, ...(input === undefined ? {} : { input }) });
  if (ran.error !== undefined || ran.status !== 0) {
    throw new EvenkeelError("COMMAND_FAILED", `${command} ${args.join(" ")} ended with ${ran.status}: ${ran.error?.message ?? ran.stderr}`);
  }
  return ran.stdout;
}

function timed(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function report({ rounds, floorMs, rows }: { rounds: number; floorMs: number; rows: readonly Row[] }): string {
  const { kernel, cpu, cpus } = machine();
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [{ title: "command" }, right("ms"), right(`x ${FLOOR}`), right("goal"), { title: "" }];
  const lines = rows.map(({ what, ms, toFloor, goalMs, met }) => [
    what,
    ms.toFixed(0),
    toFloor.toFixed(1),
    `<= ${goalMs}`,
    met ? "met" : "MISSED",
  ]);
  const missed = rows.filter(({ met }) => !met).length;
  return [
    `ipvsadm on Linux ${kernel}, ${cpus} x ${cpu}; medians of ${rounds} interleaved rounds. ${FLOOR} takes ${floorMs.toFixed(0)} ms.`,
    "",
    renderTable(columns, lines),
    "",
    missed === 0 ? "Every goal is met." : `${missed} of ${rows.length} goals are missed.`,
    "To repeat: make bench-ipvsadm",
  ].join("\n");
}

interface Row {
  readonly what: string;
  readonly ms: number;
  readonly toFloor: number;
  readonly goalMs: number;
  readonly met: boolean;
}

await runBench({ usage: USAGE, run });
