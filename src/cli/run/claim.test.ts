/** Who claims a network namespace, and what is swept of others meanwhile: with real processes, in a runtime directory of the test's own. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { RuntimePlaces } from "../../director/places.ts";
import { takeOwnLock } from "../../kernel/own-lock.ts";
import { claimNamespace } from "./claim.ts";

const CLAIM = new URL("claim.ts", import.meta.url).href;

function runtimeFor(t: TestContext): string {
  const runtime = mkdtempSync(join(tmpdir(), "evenkeel-claim-"));
  t.after(() => rmSync(runtime, { recursive: true, force: true }));
  return runtime;
}

function placesIn(runtime: string, cookie: number): RuntimePlaces {
  const directory = join(runtime, `net-${cookie}`);
  return { directory, socket: join(directory, "api.sock"), lock: join(directory, "director.lock"), alias: undefined };
}

/** As a director leaves it that was killed. */
function leave({ directory, socket, lock }: RuntimePlaces): void {
  mkdirSync(directory);
  writeFileSync(lock, "999999\n");
  symlinkSync("/nowhere/api.sock", socket);
}

/** Another process with `claimNamespace` and the `places` of these cookies. */
function spawnClaimer(runtime: string, script: string, ...cookies: readonly number[]): ChildProcess {
  const places = JSON.stringify(cookies.map((cookie) => placesIn(runtime, cookie)));
  const program = `import { claimNamespace } from ${JSON.stringify(CLAIM)};
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
const places = ${places};
${script}`;
  return spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
}

// One after the other: the last one takes all the time there is, and a sweep has only so much.
describe("claimNamespace()", { concurrency: false }, () => {
  test("a director that starts sweeps 200 leftovers, but nothing that is held, half known or of others", async (t) => {
    const runtime = runtimeFor(t);
    for (let cookie = 1; cookie <= 200; cookie++) leave(placesIn(runtime, cookie));
    // Cut short at its very beginning or end.
    mkdirSync(join(runtime, "net-201"));

    const living = placesIn(runtime, 301);
    leave(living);
    const held = takeOwnLock(living.lock);
    assert.ok("release" in held);
    t.after(() => held.release());
    const lockless = placesIn(runtime, 302);
    mkdirSync(lockless.directory);
    writeFileSync(lockless.socket, "");
    const strange = placesIn(runtime, 303);
    leave(strange);
    mkdirSync(join(strange.directory, "inner"));
    mkdirSync(join(runtime, "lab"));
    symlinkSync(lockless.directory, join(runtime, "net-304"));
    writeFileSync(join(runtime, "lock"), "");

    const own = placesIn(runtime, 400);
    const begunMs = performance.now();
    const claim = await claimNamespace(own);
    const tookMs = performance.now() - begunMs;
    assert.deepEqual(readdirSync(runtime).toSorted(), ["lab", "lock", "net-301", "net-302", "net-303", "net-304", "net-400"]);
    assert.deepEqual(readdirSync(living.directory).toSorted(), ["api.sock", "director.lock"]);
    assert.ok(tookMs < 1000, `${tookMs} ms`);
    claim.release();
    assert.equal(existsSync(own.directory), false);
  });

  test("a director that was killed is swept by another one, and a living one is not, nor can a second one take its place", async (t) => {
    const runtime = runtimeFor(t);
    const child = spawnClaimer(runtime, "await claimNamespace(places[0]); console.log('claimed'); await sleep(60_000);", 1);
    t.after(() => child.kill("SIGKILL"));
    assert.ok(child.stdout !== null);
    await once(child.stdout, "data");

    const first = await claimNamespace(placesIn(runtime, 2));
    await assert.rejects(claimNamespace(placesIn(runtime, 1)), {
      code: "CONFLICT",
      message: `a director runs in this network namespace already: process ${child.pid}`,
    });
    first.release();
    assert.deepEqual(readdirSync(runtime), ["net-1"]);

    child.kill("SIGKILL");
    await once(child, "exit");
    const second = await claimNamespace(placesIn(runtime, 2));
    assert.deepEqual(readdirSync(runtime), ["net-2"]);
    second.release();
  });

  test("directors that start, end and are killed side by side never lose their own directory to another one's sweep", async (t) => {
    const runtime = runtimeFor(t);
    // Each is the director of its own namespace again and again, where it finds what a killed one left, and sweeps that of the others.
    const script = `
const [own] = places;
for (const endMs = performance.now() + 3000; performance.now() < endMs; ) {
  try {
    mkdirSync(own.directory, { recursive: true });
    writeFileSync(own.lock, "");
  } catch (error) {
    // Swept between the two.
    if (error.code !== "ENOENT") throw error;
  }
  const claim = await claimNamespace(own);
  writeFileSync(own.socket, "");
  if (Math.random() < 0.2) await sleep(1);
  if (!existsSync(own.lock) || !existsSync(own.socket)) throw new Error("another one has swept the directory of a living director");
  if (Math.random() < 0.001) process.kill(process.pid, "SIGKILL");
  claim.release();
}`;
    const run = async (cookie: number): Promise<void> => {
      for (const endMs = performance.now() + 3000; performance.now() < endMs; ) {
        const child = spawnClaimer(runtime, script, cookie);
        const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
        assert.ok(code === 0 || signal === "SIGKILL", `it ended with ${code}`);
      }
    };
    await Promise.all([1, 2, 3, 4].map(run));
  });
});
