/**
 * What health checks cost: CPU time a check by TCP and by HTTP beside a bare net.connect(), and 2,000 HTTP checks a second as the director makes
 * them, by timetable, with how evenly they start.
 *
 *   node bench/checks.ts [--quick] [-o json]
 *
 * The servers are in another process; what counts is the user and system time of this one. What the kernel does for packets in softirqs is
 * charged to nobody, for the floor and the checks alike. Checks go one behind the other, 16 side by
 * side, all kinds in turn each round. The steady pace is 2,000 servers (127.0.x.y) each second.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import type { PreparedCheck, Target } from "../src/checker/checker.ts";
import { directDial } from "../src/checker/dial.ts";
import { prepareCheck } from "../src/checker/index.ts";
import { watchChecks } from "../src/checker/watch.ts";
import { renderTable } from "../src/cli/table.ts";
import { spreadPhase } from "../src/health/timetable.ts";
import { parseAddress } from "../src/model/address.ts";
import { enterPrivateNetwork } from "../test/check-peers/private-network.ts";
import { type BenchOptions, machine, median, progress, ratio, runBench } from "./measure.ts";

const USAGE = `usage: node bench/checks.ts [--quick] [-o json]
  --quick   3 rounds instead of 9, 3 seconds of steady checks instead of 10
  -o json   the figures as JSON
As root (it works in a network of its own). Exit code 0: the goal is met; 1: not, or it could not be measured.`;

const CHECKS_A_ROUND = 4000;
const AT_ONCE = 16;
const A_SECOND = 2000;
const TIMEOUT_MS = 5000;
/** Of one core, for that many HTTP checks a second. */
const GOAL_SHARE = 0.6;
const SLOT_MS = 50;
const SETTLING_MS = 1500;

type CaseName = "net.connect" | "tcp" | "http";
const CASES: readonly CaseName[] = ["net.connect", "tcp", "http"];

interface Steady {
  readonly checksASecond: number;
  /** Of one core. */
  readonly share: number;
  /** Of the checks that start in a slot, the most and the least, to an even share. */
  readonly most: number;
  readonly least: number;
  readonly failed: number;
  readonly residentMb: number;
}

await runBench({ usage: USAGE, run });

async function run(options: BenchOptions): Promise<boolean> {
  enterPrivateNetwork();
  const server = fork(new URL("./checks-server.ts", import.meta.url), { execArgv: ["--disable-warning=ExperimentalWarning"] });
  try {
    const [{ port }] = (await once(server, "message")) as [AddressInfo];
    const samples = await sampleCases(port, options.quick ? 3 : 9);
    const steady = await steadyPace(port, options.quick ? 3 : 10);
    return report(samples, steady, options.json);
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
}

/** Microseconds of CPU a check, one sample a round. */
async function sampleCases(port: number, rounds: number): Promise<Record<CaseName, number[]>> {
  const target = targetOf(0, port);
  const checks: Record<CaseName, () => Promise<unknown>> = {
    "net.connect": () => bareConnect(port),
    tcp: checking(prepareCheck("tcp", {}), target),
    http: checking(prepareCheck("http", { path: "/health" }), target),
  };
  const samples: Record<CaseName, number[]> = { "net.connect": [], tcp: [], http: [] };
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    const order = round % 2 === 0 ? CASES : CASES.toReversed();
    for (const name of order) {
      const before = process.cpuUsage();
      let left = CHECKS_A_ROUND;
      const worker = async (): Promise<void> => {
        while (left-- > 0) await checks[name]();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round > 0) samples[name].push((user + system) / CHECKS_A_ROUND);
    }
  }
  return samples;
}

function bareConnect(port: number): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      done();
    });
    socket.on("error", fail);
  });
}

/** With a signal of its own each time, as the director gives one. */
function checking(check: PreparedCheck, target: Target): () => Promise<void> {
  return async () => {
    const verdict = await check(target, { dial: directDial, signal: new AbortController().signal });
    if (verdict.outcome !== "pass") throw new Error(`a check did not pass: ${JSON.stringify(verdict)}`);
  };
}

async function steadyPace(port: number, seconds: number): Promise<Steady> {
  progress(`${A_SECOND} checks a second for ${seconds} seconds`);
  const check = prepareCheck("http", { path: "/health" });
  const starts: number[] = [];
  let measuring = false;
  let heard = 0;
  let failed = 0;
  const counted: PreparedCheck = (target, world) => {
    if (measuring) starts.push(performance.now());
    return check(target, world);
  };
  const checks = Array.from({ length: A_SECOND }, (_, i) => ({
    target: targetOf(i, port),
    check: counted,
    times: { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: TIMEOUT_MS, phase: spreadPhase(i), jitter: 0, seed: i },
  }));
  const stop = new AbortController();
  const watching = watchChecks(checks, {
    dial: directDial,
    signal: stop.signal,
    heard(_, { outcome }) {
      if (!measuring) return false;
      heard++;
      if (outcome !== "pass") failed++;
      return false;
    },
  });
  await sleep(SETTLING_MS);
  measuring = true;
  const [startMs, before] = [performance.now(), process.cpuUsage()];
  await sleep(seconds * 1000);
  measuring = false;
  const [tookMs, { user, system }] = [performance.now() - startMs, process.cpuUsage(before)];
  stop.abort();
  await watching;
  const slots = Array.from({ length: Math.floor(tookMs / SLOT_MS) }, () => 0);
  for (const each of starts) {
    const slot = Math.floor((each - startMs) / SLOT_MS);
    if (slot < slots.length) slots[slot] = (slots[slot] ?? 0) + 1;
  }
  const even = (A_SECOND * SLOT_MS) / 1000;
  return {
    checksASecond: (heard * 1000) / tookMs,
    share: (user + system) / 1000 / tookMs,
    most: Math.max(...slots) / even,
    least: Math.min(...slots) / even,
    failed,
    residentMb: process.memoryUsage.rss() / 2 ** 20,
  };
}

/** Its own address, and one server behind all of them. */
function targetOf(index: number, port: number): Target {
  return { host: parseAddress(`127.0.${1 + (index >> 8)}.${index & 255}`), port };
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function report(samples: Record<CaseName, number[]>, steady: Steady, json: boolean): boolean {
  const rows = CASES.map((name) => {
    const us = median(samples[name]);
    return { name, us, aSecond: 1e6 / us, ratio: ratio(samples[name], samples["net.connect"]) };
  });
  const good = steady.share <= GOAL_SHARE && steady.failed === 0 && steady.checksASecond > 0.97 * A_SECOND;
  if (json) {
    console.log(JSON.stringify({ machine: machine(), checks: rows, steady, goal: { share: GOAL_SHARE, met: good } }, null, 2));
    return good;
  }
  const columns = [
    { title: "check" },
    { title: "CPU us", align: "right" },
    { title: "a second on one core", align: "right" },
    { title: "to net.connect", align: "right" },
  ] as const;
  progress("");
  console.log(
    renderTable(
      columns,
      rows.map(({ name, us, aSecond, ratio: to }) => [name, us.toFixed(0), aSecond.toFixed(0), to.toFixed(2)]),
    ),
  );
  const { checksASecond, share, most, least, failed, residentMb } = steady;
  console.log(
    `\n${checksASecond.toFixed(0)} HTTP checks a second of ${A_SECOND} servers: ${(100 * share).toFixed(0)} % of a core (goal: at most ${100 * GOAL_SHARE} %), ` +
      `${failed} failed, ${residentMb.toFixed(0)} MB resident`,
  );
  console.log(`starts in ${SLOT_MS} ms: ${least.toFixed(2)} to ${most.toFixed(2)} of an even share`);
  return good;
}
