/**
 * The packet path against the kernel's own IPVS, connection by connection: random scripts of real connections (opened, closed by FIN, by
 * RST and by the server; datagrams; NAT, DR and TUN; persistence), while servers get other weights and thresholds, are deleted and come
 * back, and services change their scheduler. After each step both must say the same of each server (weight, active, inactive) and have
 * told clients the same, every fifty steps of each connection (`ipvsadm -Lnc`): state, ends, server, time left.
 *
 *   node bench/differential.ts [--connections N] [--seed N] [-o json]
 *
 * Both run in Debian's kernel inside an emulated machine (tools/vm-run), each script in namespaces of its own. A machine plays some
 * scripts and ends; several follow each other.
 */

import { EvenkeelError } from "../src/model/error.ts";
import { buildBpf } from "../tools/build-bpf.ts";
import type { ScriptResult } from "./differential/guest.ts";
import { requireRoot, runEmulated } from "./emulated.ts";
import { type BenchOptions, progress, runBench } from "./measure.ts";

const USAGE = `usage: node bench/differential.ts [--connections N] [--seed N] [-o json]
  --connections N  how many, in all (5000)
  --seed N         of the first script; the next ones have the next numbers (1)
  -o json          what each script gave, as JSON
As root (the emulated machine reads this one's file system). Exit code 0: no difference; 1: some, or it could not be played.`;

const CONNECTIONS = 5000;
const CONNECTIONS_A_SCRIPT = 250;
const SCRIPTS_A_MACHINE = 5;
const MACHINE = { timeoutSeconds: 1200 };

await runBench({ usage: USAGE, own: ["connections", "seed"], run });

function run(options: BenchOptions): boolean {
  requireRoot();
  buildBpf();
  const wanted = numberOf(options, "connections", CONNECTIONS);
  const seed = numberOf(options, "seed", 1);
  const results: ScriptResult[] = [];
  let connections = 0;
  while (connections < wanted) {
    const each = Math.min(CONNECTIONS_A_SCRIPT, wanted - connections);
    const scripts = Math.min(SCRIPTS_A_MACHINE, Math.ceil((wanted - connections) / each));
    progress(`${connections} of ${wanted} connections`);
    const played = runEmulated<ScriptResult>(MACHINE, "bench/differential/guest.ts", [seed + results.length, scripts, each].map(String));
    results.push(...played);
    connections = results.reduce((sum, result) => sum + result.connections, 0);
    if (!options.json) for (const result of played) process.stdout.write(`${describe(result)}\n`);
  }
  progress("");
  const differences = results.reduce((sum, result) => sum + result.differences.length, 0);
  const looks = results.reduce((sum, result) => sum + result.looks, 0);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ bench: "differential", connections, looks, differences, results }, undefined, 2)}\n`);
  else process.stdout.write(`${connections} connections, ${looks} lines compared, ${differences} differences\n`);
  return differences === 0;
}

function numberOf({ own }: BenchOptions, name: string, otherwise: number): number {
  const value = Number(own[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 1)
    throw new EvenkeelError("BAD_ARGUMENT", `--${name} ${own[name]}: a whole number above 0 is needed`);
  return value;
}

function describe({ seed, title, connections, steps, looks, seconds, differences, story }: ScriptResult): string {
  const head = `seed ${seed}: ${title}; ${connections} connections, ${steps} steps, ${looks} lines compared in ${seconds} s, ${differences.length} differences`;
  const lines = differences.map(
    ({ step, what, ipvs, evenkeel }) => `  step ${step}, ${what}\n    IPVS:     ${ipvs}\n    Evenkeel: ${evenkeel}`,
  );
  return [head, ...lines, ...(differences.length === 0 ? [] : ["  after these steps:", ...story.map((step) => `    ${step}`)])].join("\n");
}
