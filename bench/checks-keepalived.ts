/**
 * Health checks beside keepalived 2.2.7: the same HTTP checks of the same servers each second, by keepalived, by our checkers alone, and on
 * request by a running director.
 *
 *   node bench/checks-keepalived.ts [--servers N] [--rounds N] [--only A,B] [--quick] [-o json]
 *
 * keepalived checks nothing without the kernel's IPVS, which this kernel may not have; so all run in Debian's kernel inside an emulated
 * machine (tools/vm-run --icount) whose clock counts instructions, 1 ns each: CPU time there is instructions, user's and kernel's, and the pace holds
 * however slow the emulation is. The contenders go one after the other, in turn, each from its start; what is measured begins when its checks
 * have gone their pace for a while. The web server is another process, and what it takes is not counted. Within the CPU time of a check
 * is the kernel's work for its connection on loopback (connect, send, receive, close: the same for all).
 */

import { renderTable } from "../src/cli/table.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { buildBpf } from "../tools/build-bpf.ts";
import { CONTENDERS, type Contender, type Sample } from "./checks-keepalived/stage.ts";
import { requireRoot, runEmulated } from "./emulated.ts";
import { type BenchOptions, median, runBench } from "./measure.ts";

const USAGE = `usage: node bench/checks-keepalived.ts [--servers N] [--rounds N] [--only A,B] [--quick] [-o json]
  --servers N   each is checked once a second (2000)
  --rounds N    of all contenders (2; 1 with --quick)
  --only A,B    of ${CONTENDERS.join(", ")}; the first two when left out
  -o json       every sample as JSON
As root (the emulated machine reads this one's file system); keepalived has to be installed. Exit code 0: measured; 1: it could not be.`;

const SERVERS = 2000;
/** A whole director takes most of a minute to start there, and not each start of it came to its end under that clock: on request only. */
const USUAL: readonly Contender[] = ["keepalived", "checkers"];
const TIMEOUT_SECONDS = 1500;
/** String instructions that count one for each byte are kept from the kernel, as in bench/ipvs.ts. */
const OPTIONS = ["--icount", "--append", " clearcpuid=112,297,580"];
/** Short of this part of its pace a contender was held up by the machine, and its figures are no figures. */
const PACE_LEAST = 0.95;

interface Row {
  readonly contender: Contender;
  readonly checksASecond: number;
  /** Of the emulated processor: a thousand million instructions a second. */
  readonly share: number;
  /** Thousands of instructions. */
  readonly cpuUs: number;
  readonly toKeepalived: number;
  readonly residentMb: number;
}

await runBench({ usage: USAGE, own: ["servers", "rounds", "only"], run });

function run(options: BenchOptions): boolean {
  requireRoot();
  buildBpf();
  const servers = wholeNumber(options, "servers", SERVERS);
  const rounds = wholeNumber(options, "rounds", options.quick ? 1 : 2);
  const contenders = options.own["only"]?.split(",") ?? USUAL;
  const args = [servers, rounds, ...contenders].map(String);
  const samples = runEmulated<Sample>({ timeoutSeconds: TIMEOUT_SECONDS, options: OPTIONS }, "bench/checks-keepalived/guest.ts", args);
  const rows = CONTENDERS.flatMap((contender) => rowOf(contender, samples));
  const held = rows.every(({ checksASecond }) => checksASecond > PACE_LEAST * servers);
  if (options.json) process.stdout.write(`${JSON.stringify({ bench: "checks-keepalived", servers, rows, samples, held }, undefined, 2)}\n`);
  else process.stdout.write(`${report(rows, servers, held)}\n`);
  return held;
}

function rowOf(contender: Contender, samples: readonly Sample[]): Row[] {
  const own = samples.filter((sample) => sample.contender === contender);
  if (own.length === 0) return [];
  const of = (measure: (sample: Sample) => number, whose = own) => median(whose.map(measure));
  const cpuUs = ({ cpuSeconds, checks }: Sample) => (1e6 * cpuSeconds) / checks;
  const keepalived = samples.filter((sample) => sample.contender === "keepalived");
  return [
    {
      contender,
      checksASecond: of(({ checks, seconds }) => checks / seconds),
      share: of(({ cpuSeconds, seconds }) => cpuSeconds / seconds),
      cpuUs: of(cpuUs),
      toKeepalived: of(cpuUs) / of(cpuUs, keepalived),
      residentMb: of(({ residentMb }) => residentMb),
    },
  ];
}

function report(rows: readonly Row[], servers: number, held: boolean): string {
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "who" },
    right("checks a second"),
    right("thousand instructions a check"),
    right("to keepalived"),
    right("of 10^9 a second"),
    right("MB"),
  ];
  const lines = rows.map(({ contender, checksASecond, cpuUs, toKeepalived, share, residentMb }) => [
    contender,
    checksASecond.toFixed(0),
    cpuUs.toFixed(0),
    toKeepalived.toFixed(2),
    `${(100 * share).toFixed(0)} %`,
    residentMb.toFixed(0),
  ]);
  return [
    `${servers} servers, each asked by HTTP once a second, in Debian's kernel, emulated; instructions of the process and of the kernel for it.`,
    "",
    renderTable(columns, lines),
    "",
    held ? "All kept the pace." : "Not all kept the pace: fewer servers (--servers) give figures that can be compared.",
    "To repeat: make bench-checks-keepalived",
  ].join("\n");
}

function wholeNumber({ own }: BenchOptions, name: string, otherwise: number): number {
  const value = Number(own[name] ?? otherwise);
  if (Number.isInteger(value) && value >= 1 && value <= 60_000) return value;
  throw new EvenkeelError("BAD_ARGUMENT", `--${name} ${own[name]}: a whole number from 1 to 60000 is needed`);
}
