/**
 * The part of bench/checks-keepalived.ts that runs inside the emulated machine: each contender in turn checks the same servers each second.
 * Prints a line of JSON for each sample.
 *
 *   node bench/checks-keepalived/guest.ts SERVERS ROUNDS CONTENDER...
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { enterPrivateNetwork } from "../../test/check-peers/private-network.ts";
import {
  CONTENDERS,
  type Contender,
  directorConfiguration,
  FILES,
  keepalivedConfiguration,
  NGINX_CONFIGURATION,
  networkCommands,
  type Sample,
} from "./stage.ts";

const EVENKEEL = fileURLToPath(new URL("../../bin/evenkeel", import.meta.url));
const CHECKERS = fileURLToPath(new URL("checkers.ts", import.meta.url));

/** After its start, until its checks go their even pace: keepalived spreads the first ones by chance. */
const SETTLING_MS = 6000;
const MEASURED_MS = 10_000;
const ENDS_WITHIN_MS = 20_000;
/** Of the emulated clock: to load the packet path alone takes a director most of a minute there. */
const BEGINS_WITHIN_MS = 600_000;

const [serversGiven = "", roundsGiven = "", ...wanted] = process.argv.slice(2);
const servers = Number(serversGiven);
const contenders = CONTENDERS.filter((contender) => wanted.includes(contender));

enterPrivateNetwork();
execFileSync("ip", ["-batch", "-"], { input: networkCommands(servers) });
// Thousands of connections a second leave their ports waiting for a minute: both contenders get the same relief.
writeFileSync("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000");
writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
writeFileSync(FILES.keepalived, keepalivedConfiguration(servers));
writeFileSync(FILES.director, directorConfiguration(servers));
writeFileSync(FILES.nginx, NGINX_CONFIGURATION);

const web = spawn("nginx", ["-c", FILES.nginx], { stdio: ["ignore", "inherit", "inherit"] });
try {
  for (let round = 0; round < Number(roundsGiven); round++)
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const sample = await sampleOf(contender, round);
      process.stdout.write(`${JSON.stringify(sample)}\n`);
    }
} finally {
  await end(web);
}

async function sampleOf(contender: Contender, round: number): Promise<Sample> {
  const child = start(contender);
  try {
    const startedMs = performance.now();
    await checksBegin(child);
    const begunMs = performance.now() - startedMs;
    process.stderr.write(`${contender}: first checks after ${begunMs.toFixed(0)} ms\n`);
    await sleep(SETTLING_MS);
    const [beforeMs, checksBefore, cpuBefore] = [performance.now(), connectionsTaken(), cpuSeconds(child)];
    await sleep(MEASURED_MS);
    const [afterMs, checksAfter, cpuAfter] = [performance.now(), connectionsTaken(), cpuSeconds(child)];
    return {
      contender,
      round,
      servers,
      checks: checksAfter - checksBefore,
      seconds: (afterMs - beforeMs) / 1000,
      cpuSeconds: cpuAfter - cpuBefore,
      residentMb: residentMb(child),
    };
  } finally {
    await end(child);
  }
}

function start(contender: Contender): ChildProcess {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const commands: Record<Contender, readonly string[]> = {
    keepalived: [
      "keepalived",
      "--dont-fork",
      "--check",
      "--no-syslog",
      `--use-file=${FILES.keepalived}`,
      "--pid=/run/ka.pid",
      "--checkers_pid=/run/kac.pid",
    ],
    checkers: [...node, CHECKERS, String(servers)],
    director: [EVENKEEL, "run", FILES.director],
  };
  const [program = "", ...args] = commands[contender];
  return spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** The emulated machine is slow to start a program: what is measured begins when the servers see half of what they should. */
async function checksBegin(child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + BEGINS_WITHIN_MS;
  for (let seen = connectionsTaken(); ; ) {
    await sleep(1000);
    const now = connectionsTaken();
    if (now - seen >= servers / 2) return;
    seen = now;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    if (performance.now() > deadlineMs) throw new Error("its checks do not begin");
  }
}

/** PassiveOpens of this network: what the web server was asked. */
function connectionsTaken(): number {
  const [names = "", values = ""] = readFileSync("/proc/self/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("PassiveOpens")]);
}

/** With its children and all threads; exact, where /proc/PID/stat counts ticks. */
function cpuSeconds(child: ChildProcess): number {
  let nanoseconds = 0;
  for (const pid of family(child.pid ?? 0))
    for (const task of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return nanoseconds / 1e9;
}

/** What they share is divided among them. */
function residentMb(child: ChildProcess): number {
  const kilobytes = family(child.pid ?? 0).map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]),
  );
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1024;
}

function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
