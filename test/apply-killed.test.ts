/** `evenkeel apply` and `teardown` killed with SIGKILL, at random moments and before chosen system calls: the next one heals it all. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GOOD, OTHER } from "./apply/configurations.ts";
import { type Host, hostFor, servicesOf } from "./apply/host.ts";
import { compileKillAtBpf } from "./apply/programs.ts";
import { need } from "./need.ts";

const NOTHING = "nothing to change\n";
const WITHOUT = "there was no packet path in this network namespace; nothing was changed\n";

describe("apply that is killed", () => {
  const TIMES = Number(process.env["KILLS"] ?? 6);
  const PLACES = Number(process.env["KILLS"] ?? 6);

  /** After whatever happened: one apply reaches what is wanted, the next does nothing, and nothing is left that nobody needs. */
  function checkHealed(host: Host, text: string, services: unknown, when: string): void {
    const run = host.apply(text);
    assert.equal(run.status, 0, `${when}: ${run.stderr}`);
    assert.deepEqual(host.services(), services, when);
    assert.equal(host.mustApply(text), NOTHING, when);
    assert.equal(host.serversHeld(), text === OTHER ? 3 : 2, when);
  }

  function checkGone(host: Host, bare: ReturnType<Host["held"]>, when: string): void {
    host.evenkeel(["teardown"]);
    assert.deepEqual(host.held(), bare, when);
    assert.equal(existsSync(host.pins().path), false, when);
    assert.equal(host.evenkeel(["teardown"]).stdout, WITHOUT, when);
  }

  test("at random moments of creation is healed by the next one, and teardown leaves nothing", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const random = seeded(t);
    const services = servicesOf(host, OTHER);
    const bare = host.held();
    const file = host.write("other.yaml", OTHER);
    for (let i = 0; i < TIMES; i++) {
      const afterMs = 20 + random() * 280;
      await startAndKill(host, ["apply", file], afterMs);
      const when = `killed after ${afterMs.toFixed(0)} ms`;
      if (i % 2 === 0) checkHealed(host, OTHER, services, when);
      checkGone(host, bare, when);
    }
  });

  test("at random moments of a change is healed by the next one, and maps are never lost", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const random = seeded(t);
    // "auto" would be content with the hook that stands.
    const texts = [`interfaces: [{ name: eth0, hook: tc }]${GOOD}`, OTHER];
    const services = texts.map((text) => servicesOf(host, text));
    const files = texts.map((text, i) => host.write(`${i}.yaml`, text));
    const bare = host.held();
    host.mustApply(texts[0] ?? "");
    const connections = host.held().pins["maps/connections"];
    for (let i = 0; i < TIMES; i++) {
      const to = i % 2 === 0 ? 1 : 0;
      const afterMs = 20 + random() * 280;
      await startAndKill(host, ["apply", files[to] ?? "", ...(i % 4 > 1 ? ["--reload"] : [])], afterMs);
      checkHealed(host, texts[to] ?? "", services[to], `killed after ${afterMs.toFixed(0)} ms`);
      assert.equal(host.held().pins["maps/connections"], connections);
    }
    checkGone(host, bare, "at the end");
  });

  for (const [what, from, flags] of [
    ["creation", undefined, []],
    ["a change", GOOD, []],
    ["a change with reload", GOOD, ["--reload"]],
    ["teardown", OTHER, undefined],
  ] as const) {
    test(`before each of ${PLACES} system calls spread over ${what} is healed by the next one`, (t) => {
      if (!need(t, "root", "command:ip", "command:clang")) return;
      const host = hostFor(t);
      const services = servicesOf(host, OTHER);
      const bare = host.held();
      const environment = { LD_PRELOAD: compileKillAtBpf(host.directory) };
      const countTo = join(host.directory, "count");
      const begin = () => {
        host.evenkeel(["teardown"]);
        if (from !== undefined) host.mustApply(from);
        return host.held().pins["maps/connections"];
      };
      const run = (more: Readonly<Record<string, string>>) =>
        host.evenkeel(flags === undefined ? ["teardown"] : ["apply", ...flags, "-"], {
          input: OTHER,
          environment: { ...environment, ...more },
        });
      begin();
      assert.equal(run({ COUNT_TO: countTo }).status, 0);
      const calls = Number(readFileSync(countTo, "utf8"));
      rmSync(countTo);
      assert.ok(calls >= PLACES, `${calls} system calls`);
      for (let i = 0; i < PLACES; i++) {
        const at = 1 + Math.floor((i * calls) / PLACES);
        const connections = begin();
        run({ KILL_AT: String(at) });
        const when = `killed before call ${at} of ${calls}`;
        if (flags === undefined && i % 2 === 0) {
          checkGone(host, bare, when);
          continue;
        }
        checkHealed(host, OTHER, services, when);
        if (flags !== undefined && from !== undefined) assert.equal(host.held().pins["maps/connections"], connections, when);
      }
      checkGone(host, bare, "at the end");
    });
  }
});

async function startAndKill(host: Host, args: readonly string[], afterMs: number): Promise<void> {
  const child = host.start(args);
  const ended = once(child, "exit");
  await sleep(afterMs);
  child.kill("SIGKILL");
  await ended;
}

/** mulberry32; its seed is told so that a failure can be had again. */
function seeded(t: TestContext): () => number {
  let state = Number(process.env["TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`TEST_SEED=${state}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
