/** A director's process: what signals do to it, and what the service manager hears. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, test } from "node:test";
import { type LifecycleOptions, live, type Served } from "./lifecycle.ts";

interface Stage {
  readonly signals: EventEmitter;
  readonly told: string[];
  readonly complaints: string[];
  readonly life: Promise<void>;
}

function stage(served: Partial<Served> = {}, options: Partial<LifecycleOptions> = {}): Stage {
  const signals = new EventEmitter();
  const told: string[] = [];
  const complaints: string[] = [];
  const whole: Served = {
    reload: async () => undefined,
    isAlive: () => true,
    summary: () => "all is well",
    stop: async (reason) => void told.push(`stopped by ${reason}`),
    ...served,
  };
  const life = live({
    start: async () => whole,
    manager: {
      ready: (text) => told.push(`ready: ${text}`),
      reloading: () => told.push("reloading"),
      stopping: (text) => told.push(text),
      status: (text) => told.push(text),
      watch: () => undefined,
    },
    signals,
    endAtOnce: (code) => told.push(`ended at once with ${code}`),
    complain: (error) => complaints.push(error instanceof Error ? error.message : String(error)),
    ...options,
  });
  return { signals, told, complaints, life };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("live()", () => {
  test("tells that it is ready, and stops when SIGTERM comes", async () => {
    const { signals, told, life } = stage();
    await soon();
    signals.emit("SIGTERM");
    await life;
    assert.deepEqual(told, ["starting", "ready: all is well", "stopping: SIGTERM", "stopped by SIGTERM"]);
    assert.equal(signals.listenerCount("SIGTERM"), 0);
  });

  test("reloads at SIGHUP; what is wrong with the file is told, and stays in the status until a reload goes well", async () => {
    let good = false;
    const reload = async (): Promise<void> => {
      if (!good) throw new Error("evenkeel.yaml:3:1: no such key\nevenkeel.yaml:4:1: another");
    };
    const { signals, told, complaints, life } = stage({ reload });
    await soon();
    signals.emit("SIGHUP");
    await soon();
    good = true;
    signals.emit("SIGHUP");
    await soon();
    signals.emit("SIGINT");
    await life;
    assert.deepEqual(complaints, ["evenkeel.yaml:3:1: no such key\nevenkeel.yaml:4:1: another"]);
    assert.deepEqual(told.slice(2, -2), [
      "reloading",
      "ready: the reload failed, the configuration before it stays: evenkeel.yaml:3:1: no such key",
      "reloading",
      "ready: all is well",
    ]);
  });

  test("reloads once more for any number of SIGHUPs during a reload, and one at the start counts", async () => {
    let reloads = 0;
    const { signals, life } = stage({
      reload: async () => {
        reloads++;
        await soon();
      },
    });
    signals.emit("SIGHUP");
    await soon();
    for (let i = 0; i < 5; i++) signals.emit("SIGHUP");
    for (let i = 0; i < 5; i++) await soon();
    signals.emit("SIGTERM");
    await life;
    assert.equal(reloads, 2);
  });

  test("ends though a reload hangs", async () => {
    const { signals, told, life } = stage({ reload: () => new Promise(() => undefined) });
    await soon();
    signals.emit("SIGHUP");
    await soon();
    signals.emit("SIGTERM");
    await life;
    assert.equal(told.at(-1), "stopped by SIGTERM");
  });

  test("ends in bounded time, with an error, though the director does not stop; a second signal ends it at once", async () => {
    const { signals, told, life } = stage({ stop: () => new Promise(() => undefined) }, { stopMs: 50 });
    await soon();
    signals.emit("SIGTERM");
    signals.emit("SIGTERM");
    signals.emit("SIGINT");
    // The deadline alone keeps no process alive.
    const alive = setTimeout(() => undefined, 1000);
    await assert.rejects(life, { code: "TIMEOUT" });
    clearTimeout(alive);
    assert.deepEqual(told.slice(-3), ["ended at once with 143", "ended at once with 130", "stopping: SIGTERM"]);
  });

  test("ends without having stood when the signal comes during the start", async () => {
    const { signals, told, life } = stage(
      {},
      { start: (signal) => new Promise((_, fail) => signal.addEventListener("abort", () => fail(new Error("aborted")))) },
    );
    signals.emit("SIGTERM");
    await life;
    assert.deepEqual(told, ["starting"]);
  });

  test("throws what kept it from starting", async () => {
    const { life } = stage({}, { start: () => Promise.reject(new Error("no such file")) });
    await assert.rejects(life, { message: "no such file" });
  });
});
