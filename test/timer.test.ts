/** The kernel's own timer (bpf/timer.h): it sweeps and estimates with nobody there, outlives reloads, and ends with its pin. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Rates } from "../src/wire/abi.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { SYN } from "./packet-rows/cast.ts";
import { type Crowd, census } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import type { Stage } from "./packet-rows/stage.ts";

function onStage(t: TestContext, work: (stage: Stage, people: Crowd) => void): Promise<void> {
  return onCrowdStage(t, { connectionsMax: 20_000, timer: true }, (stage, people) => stage.inside(() => work(stage, people)));
}

function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Milliseconds until it holds, or NaN. */
function until(condition: () => boolean, patienceMs: number): number {
  const began = performance.now();
  while (performance.now() - began < patienceMs) {
    if (condition()) return performance.now() - began;
    pauseMs(10);
  }
  return Number.NaN;
}

function open(stage: Stage, people: Crowd, from: number, flows: number): void {
  for (let flow = from; flow < from + flows; flow++) stage.run({ hook: "tc", side: "front", frame: people.frame(flow, SYN) });
}

/** Without the sweep that plane.counters() would make. */
function standing(stage: Stage): number {
  return Array.from({ length: 12 }, (_, number) => stage.path.serverLoad.read(number).total).reduce((sum, total) => sum + total, 0);
}

/** All that stands ends, and nobody looks: how long until it is counted off. */
function sweptAfterMs(t: TestContext, stage: Stage): number {
  assert.ok(standing(stage) > 0);
  advanceSeconds(stage.path, 1000);
  const ms = until(() => standing(stage) === 0, 5000);
  assert.ok(ms < 2000, `swept after ${ms} ms; a pass takes one second`);
  t.diagnostic(`swept after ${Math.round(ms)} ms`);
  return ms;
}

test("connections past their time are counted off within about a second, though nobody is there", (t) =>
  onStage(t, (stage, people) => {
    open(stage, people, 0, 10_000);
    assert.equal(standing(stage), 10_000);
    sweptAfterMs(t, stage);
    assert.deepEqual(census(stage), { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 });
  }));

test("a reload leaves the timer to the new program, and a removal ends it", (t) =>
  onStage(t, (stage, people) => {
    stage.path.reload();
    open(stage, people, 0, 1000);
    sweptAfterMs(t, stage);
    open(stage, people, 0, 1000);
    stage.path.pins.remove();
    pauseMs(100);
    advanceSeconds(stage.path, 1000);
    pauseMs(2000);
    assert.equal(standing(stage), 1000, "the maps are open here still, but nobody sweeps them");
  }));

const RATES = ["connections", "packetsIn", "bytesIn", "packetsOut", "bytesOut"] as const;

/** ip_vs_est.c, in its own numbers: what two seconds make of an average. */
function after(before: Rates, counted: Rates["last"]): Omit<Rates, "last"> {
  const step = (name: (typeof RATES)[number]): bigint => {
    const shift = name === "bytesIn" || name === "bytesOut" ? 4n : 9n;
    const sample = (counted[name] - before.last[name]) << shift;
    return before[name] + ((sample - before[name]) >> 2n);
  };
  return {
    connections: step("connections"),
    packetsIn: step("packetsIn"),
    bytesIn: step("bytesIn"),
    packetsOut: step("packetsOut"),
    bytesOut: step("bytesOut"),
  };
}

test("every two seconds the rates of servers and services go a quarter of the way to what was counted", (t) =>
  onStage(t, (stage, people) => {
    const { server_rates: servers, service_rates: services } = stage.path.maps;
    const read = () => [servers.lookup(1), services.lookup(0)].map((rates) => rates as Rates);
    let [flow, before, seen] = [0, read(), 0];
    const changedAt: number[] = [];
    const began = performance.now();
    while (seen < 10 && performance.now() - began < 15_000) {
      // More and more at first, then nothing: the average rises and falls.
      if (performance.now() - began < 5000) open(stage, people, flow, 40);
      flow += 40;
      pauseMs(10);
      const now = read();
      for (const [i, rates] of now.entries()) {
        const last = before[i];
        assert.ok(last !== undefined);
        if (RATES.every((name) => rates[name] === last[name] && rates.last[name] === last.last[name])) continue;
        const { last: counted, ...averages } = rates;
        assert.deepEqual(averages, after(last, counted), i === 0 ? "the server's" : "the service's");
        assert.ok(counted.connections <= BigInt(flow));
        if (i === 0) changedAt.push(performance.now());
        seen++;
      }
      before = now;
    }
    assert.ok(seen >= 10, `${seen} changes`);
    for (let i = 1; i < changedAt.length; i++) {
      const ms = (changedAt[i] ?? 0) - (changedAt[i - 1] ?? 0);
      assert.ok(Math.abs(ms - 2000) < 300, `${ms} ms between two estimates`);
    }
    const [server, service] = before;
    assert.ok(server !== undefined && service !== undefined && server.connections > 0n);
    assert.ok(service.connections > server.connections, "the service has three servers");
  }));
