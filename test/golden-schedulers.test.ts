/** The schedulers against recordings of IPVS's own code: not one decision may differ. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SCHEDULERS } from "../src/model/service.ts";
import { replay } from "../src/scheduler/replay.ts";
import { SchedulerEngine } from "../src/scheduler/replay-engine.ts";

for (const scheduler of SCHEDULERS) {
  test(`${scheduler} decides as IPVS did in every recorded decision`, (t) => {
    const text = readFileSync(new URL(`golden/ipvs/sched-${scheduler}.json`, import.meta.url), "utf8");
    const { decisions, differences } = replay(JSON.parse(text), new SchedulerEngine());
    assert.deepEqual(differences.slice(0, 5), []);
    assert.ok(decisions > 1000, `only ${decisions} decisions were replayed`);
    t.diagnostic(`${scheduler}: ${decisions} decisions, 0 differences`);
  });
}
