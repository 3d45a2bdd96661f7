/** Layer 4 goes on whatever becomes of our processes: requests flow while weights change, programs are replaced and `apply` is killed. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { spawnInside } from "../src/lab/commands.ts";
import { directorConfiguration, directorFile, runOnDirector } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { type LabOptions, namespaceOf } from "../src/lab/topology.ts";
import { sendHttp } from "../src/lab/traffic.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const CHANGES = 50;
const KILLS = 10;
const REQUESTS = 10_000;

test("10,000 requests, 50 changes of weights, 10 kills of apply: no request fails", { timeout: 240_000 }, async (t) => {
  if (!need(t, "root", "command:ip")) return;
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const lab = await up({ name: "survive", method: "nat", scheduler: "wrr", weights: [3, 2, 1] });
  t.after(() => down(lab.name, { waitMs: 30_000 }));

  const story = { changing: true, killed: 0 };
  const changes = changeWeights(lab, random, story).finally(() => {
    story.changing = false;
  });
  const total = { requests: 0, failed: 0 };
  const errors: Record<string, number> = {};
  // As many as it takes to be there for every change, 10,000 at least; half of them on connections that live on.
  for (let round = 0; story.changing || total.requests < REQUESTS; round++) {
    const family = round % 4 < 2 ? "ipv4" : "ipv6";
    const result = await sendHttp({ ...lab, family }, { requests: 1000, concurrency: 8, keepAlive: round % 2 === 1 });
    total.requests += result.requests;
    total.failed += result.failed;
    for (const [error, times] of Object.entries(result.errors)) errors[error] = (errors[error] ?? 0) + times;
  }
  await changes;

  t.diagnostic(`${total.requests} requests, ${total.failed} failed, ${CHANGES} changes, ${story.killed} processes killed before their end`);
  assert.deepEqual({ failed: total.failed, errors }, { failed: 0, errors: {} });
  assert.ok(story.killed > 0, "no process was killed in time, so nothing was shown");

  // Whatever the killed ones left half done, the next one ends it, and the one after finds nothing.
  await runOnDirector(lab.name, ["apply", directorFile(lab.name)]);
  assert.match(await runOnDirector(lab.name, ["apply", directorFile(lab.name)]), /^nothing to change$/m);
});

async function changeWeights(lab: LabOptions, random: () => number, story: { killed: number }): Promise<void> {
  for (let i = 0; i < CHANGES; i++) {
    const weights = [1, 2, 3].map(() => 1 + Math.floor(random() * 9));
    writeFileSync(directorFile(lab.name), directorConfiguration({ ...lab, weights }));
    const reload = i % 10 === 5 ? ["--reload"] : [];
    const child = spawnInside(lab.name, namespaceOf(lab.name, "director"), [EVENKEEL, "apply", ...reload, directorFile(lab.name)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    const killer = i % (CHANGES / KILLS) === 2 ? setTimeout(() => child.kill("SIGKILL"), 30 + random() * 250) : undefined;
    if ((await ended) === "SIGKILL") story.killed++;
    clearTimeout(killer);
  }
}
