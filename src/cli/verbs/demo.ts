/** `evenkeel demo`: a whole cluster on this machine, real requests every way, and an account of what happened to them. */

import { styleText } from "node:util";
import type { Command } from "commander";
import type { Finding } from "../../lab/scenario.ts";
import type { LabOptions } from "../../lab/topology.ts";
import type { ForwardingMethod } from "../../model/service.ts";
import { asCalled } from "../called-as.ts";
import { EXIT_CODE } from "../report.ts";

const LAB = "demo";
const SERVERS = 3;

const TEXT = {
  description: "a whole cluster on this machine: NAT, DR and TUN, IPv4 and IPv6, with real requests and an account of each",
  help: `
It makes a lab (network namespaces: client, router, director, three real servers), sends HTTP and UDP to the VIP every way,
says who answered, whom the servers saw, which way the replies took and how fast, and removes everything again.

Examples:
  evenkeel demo
  evenkeel demo --quick               fewer requests
  evenkeel demo --keep                leave the lab standing, to try things in

Exit code 0 only if every expectation held.`,
  keep: "leave the lab standing",
  quick: "fewer requests, smaller transfers",
  intro: [
    "A cluster on this machine, each node in a network namespace of its own:",
    "",
    "  client ── router ──front── director        the VIP is the director's; the director shares requests out",
    "               └──────LAN──────┴── rs1 rs2 rs3        to real servers, which run HTTP and UDP",
    "",
  ],
  building: (step: string) => `  … ${step}`,
  built: (seconds: string) => `  built and serving after ${seconds} s`,
  ways: {
    nat: "client → router → director (new destination) → real server → director (source put back) → client",
    dr: "client → router → director (new destination MAC) → real server → router → client",
    tun: "client → router → director (one more IP header) → real server (takes it off) → router → client",
  } satisfies Record<ForwardingMethod, string>,
  heading: (method: string, family: string, vip: string) => `${method} over ${family}, VIP ${vip}`,
  removed: "  everything of it is removed",
  kept: [
    "The lab stands. Try:",
    `  evenkeel lab status --name ${LAB}`,
    `  evenkeel lab curl -n 30 --name ${LAB}`,
    `  evenkeel lab method dr --name ${LAB}`,
    `  evenkeel lab break arp --name ${LAB}      then curl again, then: evenkeel lab mend --name ${LAB}`,
    `  evenkeel lab exec --name ${LAB} director -- evenkeel status`,
    `  evenkeel lab down --name ${LAB}`,
  ],
  standing: `lab "${LAB}" of an earlier demo is removed first`,
  verdict: (held: number, all: number, seconds: string) => `demo: ${held} of ${all} ways hold (${seconds} s)`,
  broken: (way: string, whats: string) => `  ${way}: ${whats}`,
};

interface DemoOptions {
  readonly keep?: true;
  readonly quick?: true;
}

interface Way {
  readonly title: string;
  readonly findings: readonly Finding[];
}

export function register(program: Command): void {
  program
    .command("demo")
    .description(TEXT.description)
    .option("--keep", TEXT.keep)
    .option("--quick", TEXT.quick)
    .addHelpText("after", TEXT.help)
    .action(run);
}

async function run({ keep, quick }: DemoOptions): Promise<void> {
  const { down } = await import("../../lab/lab.ts");
  const { labNames } = await import("../../lab/state.ts");
  const { interruptible } = await import("./lab/interruption.ts");
  const startMs = performance.now();
  const seconds = () => ((performance.now() - startMs) / 1000).toFixed(1);
  if (labNames().includes(LAB)) {
    print(paint("yellow", TEXT.standing));
    await down(LAB);
  }
  const ways = await interruptible(LAB, async (signal) => {
    try {
      const found = await tryEveryWay({ quick: quick ?? false, signal, seconds });
      if (!keep) await down(LAB);
      return found;
    } catch (error) {
      await down(LAB);
      throw error;
    }
  });
  print(...(keep ? TEXT.kept.map((line) => paint("cyan", asCalled(line))) : [TEXT.removed]), "");
  conclude(ways, seconds());
}

async function tryEveryWay(demo: { quick: boolean; signal: AbortSignal; seconds: () => string }): Promise<Way[]> {
  const { setMethod, up } = await import("../../lab/lab.ts");
  const { ADDRESSES } = await import("../../lab/topology.ts");
  const { signal } = demo;
  print(...TEXT.intro);
  const progress = (step: string) => print(paint("dim", TEXT.building(step)));
  let lab: LabOptions = await up({ name: LAB, servers: SERVERS, method: "nat" }, { signal, progress });
  print(paint("dim", TEXT.built(demo.seconds())), "");
  const ways: Way[] = [];
  for (const method of ["nat", "dr", "tun"] as const) {
    if (lab.method !== method) lab = await setMethod(LAB, method, { signal });
    print(paint("dim", TEXT.ways[method]));
    for (const family of ["ipv4", "ipv6"] as const) {
      const title = TEXT.heading(method.toUpperCase(), family === "ipv4" ? "IPv4" : "IPv6", ADDRESSES.vip[family]);
      print(paint("bold", title));
      ways.push({ title, findings: await tryOneWay({ ...lab, family }, demo) });
      print("");
    }
  }
  return ways;
}

/** Everything that a way has to show; each finding is printed as it is found. */
async function tryOneWay(lab: LabOptions, { quick, signal }: { quick: boolean; signal: AbortSignal }): Promise<Finding[]> {
  const scenario = await import("../../lab/scenario.ts");
  const { PORTS } = await import("../../lab/topology.ts");
  const requests = quick ? 30 : 300;
  const bytes = quick ? 10e6 : 100e6;
  const steps: readonly (() => Promise<Finding>)[] = [
    () => scenario.spread(lab, { requests }),
    ...(lab.method === "nat" ? [() => scenario.spread(lab, { requests: 30, port: PORTS.alternate })] : []),
    () => scenario.udp(lab, { requests: 30 }),
    () => scenario.seesClientAddress(lab),
    () => scenario.replyWay(lab),
    () => scenario.sameSequenceNumbers(lab),
    () => scenario.bulk(lab, { direction: "down", bytes }),
    () => scenario.bulk(lab, { direction: "up", bytes }),
  ];
  const findings: Finding[] = [];
  for (const step of steps) {
    signal.throwIfAborted();
    const finding = await step();
    findings.push(finding);
    const mark = finding.holds ? paint("green", "ok  ") : paint("red", "FAIL");
    print(`  ${mark} ${finding.what.padEnd(15)} ${finding.evidence}`);
  }
  return findings;
}

function conclude(ways: readonly Way[], seconds: string): void {
  const failed = ways.filter(({ findings }) => findings.some(({ holds }) => !holds));
  for (const { title, findings } of failed) {
    const whats = findings.filter(({ holds }) => !holds).map(({ what }) => what);
    print(paint("red", TEXT.broken(title, whats.join(", "))));
  }
  print(paint(failed.length === 0 ? "green" : "red", TEXT.verdict(ways.length - failed.length, ways.length, seconds)));
  if (failed.length > 0) process.exitCode = EXIT_CODE.failed;
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function paint(style: "bold" | "cyan" | "dim" | "green" | "red" | "yellow", text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
