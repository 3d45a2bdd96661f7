import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { spreadPhase } from "../health/timetable.ts";
import { parseAddress } from "../model/address.ts";
import type { Verdict } from "../model/health.ts";
import type { PreparedCheck } from "./checker.ts";
import { directDial } from "./dial.ts";
import { prepareCheck } from "./index.ts";
import { Stalls } from "./stalls.ts";
import { watchChecks } from "./watch.ts";

const target = { host: "nowhere.invalid", port: 1 };
const PASS: Verdict = { outcome: "pass", phase: "match", durationMs: 0, details: {} };
const times = { intervalMs: 100, fastIntervalMs: 100, timeoutMs: 1000, phase: 0, jitter: 0, seed: 1 };

describe("watchChecks()", () => {
  test("starts checks evenly, each once an interval", async () => {
    const starts: number[] = [];
    const check: PreparedCheck = async () => {
      starts.push(performance.now());
      return PASS;
    };
    await watched(
      Array.from({ length: 50 }, (_, i) => ({ target, check, times: { ...times, intervalMs: 500, phase: spreadPhase(i) } })),
      1000,
    );
    assert.ok(Math.abs(starts.length - 100) <= 50, `${starts.length} starts`);
    const slots = new Map<number, number>();
    for (const startMs of starts) slots.set(Math.floor(startMs / 50), (slots.get(Math.floor(startMs / 50)) ?? 0) + 1);
    // Five in each twentieth of a second; a busy machine makes some late.
    assert.ok(Math.max(...slots.values()) <= 25, `${Math.max(...slots.values())} at once`);
  });
  test("never has two checks of a server under way, however long they take", async () => {
    let underWay = 0;
    let rounds = 0;
    const check: PreparedCheck = async () => {
      underWay++;
      rounds++;
      assert.equal(underWay, 1);
      await sleep(130);
      underWay--;
      return PASS;
    };
    await watched([{ target, check, times: { ...times, intervalMs: 50 } }], 700);
    assert.ok(rounds >= 3 && rounds <= 6, `${rounds} rounds`);
  });
  test("gives a check up at its deadline, and tells it that it is late", async () => {
    const reasons: unknown[] = [];
    const check: PreparedCheck = (_, { signal }) =>
      new Promise((done) =>
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason instanceof DOMException && signal.reason.name);
          done(PASS);
        }),
      );
    await watched([{ target, check, times: { ...times, timeoutMs: 30 } }], 350);
    assert.ok(reasons.length >= 2);
    assert.equal(reasons[0], "TimeoutError");
  });
  test("looks more often while the listener is in doubt", async () => {
    let rounds = 0;
    const check: PreparedCheck = async () => {
      rounds++;
      return PASS;
    };
    await watched(
      [{ target, check, times: { ...times, intervalMs: 10_000, fastIntervalMs: 20, phase: (performance.now() / 10_000 + 0.002) % 1 } }],
      500,
      () => true,
    );
    assert.ok(rounds >= 5, `${rounds} rounds`);
  });
  test("ends when it is told to, and stops what is under way without hearing of it", async () => {
    let aborted = false;
    const check: PreparedCheck = (_, { signal }) =>
      new Promise((done) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          done(PASS);
        }),
      );
    const heard = await watched([{ target, check, times }], 250);
    assert.equal(aborted, true);
    assert.equal(heard, 0);
  });
  test("hears an answer that came while nobody could look, and blames no server for what nobody could have heard", async (t) => {
    // Each in a thread of its own: one answers at once, the other never does.
    const [prompt, silent] = await Promise.all([answering(t, "socket.end('+')"), answering(t, "")]);
    const stalls = new Stalls();
    t.after(() => stalls.stop());
    const heard: Verdict[][] = [[], []];
    const stop = new AbortController();
    const check = prepareCheck("smtp", {});
    const ofPort = (port: number) => ({
      target: { host: parseAddress("127.0.0.1"), port },
      check,
      times: { ...times, intervalMs: 400, timeoutMs: 200 },
    });
    const block = setInterval(() => blockFor(600), 700);
    setTimeout(() => stop.abort(), 4000);
    await watchChecks([ofPort(prompt), ofPort(silent)], {
      dial: directDial,
      signal: stop.signal,
      stalls,
      heard: (index, verdict) => {
        heard[index]?.push(verdict);
        return false;
      },
    });
    clearInterval(block);
    const late = heard[0]?.filter((verdict) => verdict.outcome === "fail" && / within /.test(verdict.reason));
    assert.deepEqual(late, []);
    assert.ok(heard[1]?.some((verdict) => verdict.outcome === "unable" && /too busy/.test(verdict.reason)));
  });
  test("blames a silent server when there was time to hear it", async (t) => {
    const silent = await answering(t, "");
    const stalls = new Stalls();
    t.after(() => stalls.stop());
    const outcomes: string[] = [];
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1500);
    await watchChecks(
      [{ target: { host: parseAddress("127.0.0.1"), port: silent }, check: prepareCheck("smtp", {}), times: { ...times, timeoutMs: 300 } }],
      {
        dial: directDial,
        signal: stop.signal,
        stalls,
        heard: (_, verdict) => {
          outcomes.push(verdict.outcome);
          return false;
        },
      },
    );
    assert.ok(outcomes.includes("fail"), outcomes.join(" "));
  });
  test("finds a silent server dead on a host that is always busy, too", async (t) => {
    const silent = await answering(t, "");
    const stalls = new Stalls();
    t.after(() => stalls.stop());
    const outcomes: string[] = [];
    const stop = new AbortController();
    const block = setInterval(() => blockFor(60), 100);
    const end = setTimeout(() => stop.abort(), 10_000);
    const quick = { ...times, intervalMs: 150, fastIntervalMs: 150, timeoutMs: 150 };
    await watchChecks([{ target: { host: parseAddress("127.0.0.1"), port: silent }, check: prepareCheck("smtp", {}), times: quick }], {
      dial: directDial,
      signal: stop.signal,
      stalls,
      heard: (_, verdict) => {
        outcomes.push(verdict.outcome);
        if (verdict.outcome === "fail") stop.abort();
        return false;
      },
    });
    clearInterval(block);
    clearTimeout(end);
    assert.deepEqual([...new Set(outcomes)], ["unable", "fail"]);
  });
  test("does not take a bug of a check for a sick server", async () => {
    const check: PreparedCheck = () => Promise.reject(new TypeError("a bug"));
    await assert.rejects(watched([{ target, check, times }], 1000), /a bug/);
  });
});

/** A server in a thread of its own, so that it goes on while ours stands still. Returns its port. */
async function answering(t: TestContext, what: string): Promise<number> {
  const code = `
    const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer((socket) => { socket.on("error", () => undefined); ${what} });
    server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`;
  const worker = new Worker(code, { eval: true });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  return port;
}

function blockFor(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

async function watched(checks: Parameters<typeof watchChecks>[0], forMs: number, doubt = () => false): Promise<number> {
  let heard = 0;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), forMs);
  await watchChecks(checks, {
    dial: directDial,
    signal: stop.signal,
    heard() {
      heard++;
      return doubt();
    },
  });
  clearTimeout(timer);
  return heard;
}
