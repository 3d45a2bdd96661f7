/**
 * The part of bench/differential-cli.ts that runs inside the emulated machine. Prints one line of JSON.
 *
 *   node bench/differential-cli/guest.ts SEED COMMANDS
 */

import { spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { runIpvsadm } from "../../src/cli/ipvsadm/run.ts";
import { libc } from "../../src/kernel/libc.ts";
import { checkCall } from "../../src/kernel/system-call.ts";
import { commandsFrom } from "./commands.ts";

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Difference {
  readonly command: readonly string[];
  readonly real: Answer;
  readonly ours: Answer;
}

export interface Outcome {
  readonly seed: number;
  readonly commands: number;
  readonly refused: number;
  readonly differences: readonly Difference[];
}

const CLONE_NEWNET = 0x40000000;
/** After one that shows on every list the rest says little. */
const DIFFERENCES_MAX = 50;
const [REAL, OURS] = ["ek-real", "ek-ours"];
/** By its bare name: it says that name when it is not understood. */
const IPVSADM = "ipvsadm";

if (import.meta.main) {
  const [seed = 1, commands = 100] = process.argv.slice(2).map(Number);
  for (const name of [REAL, OURS]) {
    run("ip", ["netns", "add", name]);
    run("ip", ["-n", name, "link", "add", "d0", "type", "veth", "peer", "name", "d1"]);
    for (const device of ["lo", "d0"]) run("ip", ["-n", name, "link", "set", device, "up"]);
    // Where a host has no address at all, IPVS takes none for a server's.
    run("ip", ["-n", name, "address", "add", "172.31.0.1/24", "dev", "d0"]);
  }
  run("mount", ["-t", "bpf", "bpffs", "/sys/fs/bpf"]);
  checkCall(libc.setns(openSync(`/run/netns/${OURS}`, "r"), CLONE_NEWNET), "enter a namespace of our own");
  process.stdout.write(`${JSON.stringify(await compare(seed, commands))}\n`);
}

async function compare(seed: number, commands: number): Promise<Outcome> {
  const differences: Difference[] = [];
  let [asked, refused] = [0, 0];
  for (const command of commandsFrom(seed)) {
    if (asked >= commands || differences.length >= DIFFERENCES_MAX) break;
    asked++;
    const real = askReal(command);
    const ours = await askOurs(command);
    if (real.code !== 0) refused++;
    if (real.code !== ours.code || real.stdout !== ours.stdout || real.stderr !== ours.stderr) differences.push({ command, real, ours });
  }
  return { seed, commands: asked, refused, differences };
}

function askReal(command: readonly string[]): Answer {
  const { status, stdout, stderr } = spawnSync("nsenter", [`--net=/run/netns/${REAL}`, IPVSADM, ...command], {
    encoding: "utf8",
    input: "",
  });
  return { code: status ?? -1, stdout, stderr };
}

async function askOurs(command: readonly string[]): Promise<Answer> {
  let [stdout, stderr] = ["", ""];
  const code = await runIpvsadm(command, {
    stdin: () => Buffer.alloc(0),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

/** Where it has been done before it fails, and what follows tells. */
function run(command: string, args: readonly string[]): void {
  spawnSync(command, args);
}
