/** The director is killed at any moment of its start, of `apply` and of a reload: the next one finds or makes all that its file says. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnInside } from "../src/lab/commands.ts";
import { directorFile } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { labDirectory } from "../src/lab/state.ts";
import { type LabOptions, namespaceOf } from "../src/lab/topology.ts";
import { configurationText } from "./director-lab/configuration.ts";
import type { DirectorProcess } from "./director-lab/director-process.ts";
import { readKernel } from "./director-lab/kernel-view.ts";
import { Load, tell } from "./director-lab/load.ts";
import { evenkeel, spawnDirector, startDirector } from "./director-lab/running.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const MOMENTS = ["start", "apply", "reload"] as const;
type Moment = (typeof MOMENTS)[number];
/** Within this time of its beginning it is killed: longer than each takes on a quiet machine. */
const WITHIN_MS = { start: 1200, apply: 700, reload: 200 } as const satisfies Record<Moment, number>;
const KILLS = Number(process.env["KILLS"] ?? 12);

test(`killed at ${KILLS} random moments of start, apply and reload: the next one is consistent, and nothing is left to do`, {
  timeout: 300_000,
}, async (t) => {
  if (!need(t, "root", "command:ip")) return;
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const lab = await up({ name: "kills", method: "nat", scheduler: "wrr" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  for (const file of [directorFile(lab.name), otherFile(lab)]) writeFileSync(file, textWith(lab, random));
  let director = await startDirector(lab.name, directorFile(lab.name));
  t.after(() => director.end("SIGKILL"));
  const load = new Load(lab, [
    { family: "ipv4", keepAlive: false, requests: 200, concurrency: 2 },
    { family: "ipv6", keepAlive: true, requests: 200, concurrency: 2 },
  ]);
  for (let i = 0; i < KILLS; i++) {
    const moment = MOMENTS[i % MOMENTS.length] ?? "start";
    const text = textWith(lab, random);
    const afterMs = random() * WITHIN_MS[moment];
    await t.test(`${i + 1}: ${afterMs.toFixed(0)} ms after the beginning of ${moment}`, async () => {
      await killDuring({ lab, director, text, afterMs }, moment);
      director = await startDirector(lab.name, directorFile(lab.name));
      // What was applied whole stays in force; what was not is as if it had never been asked for.
      const plans = await Promise.all([directorFile(lab.name), otherFile(lab)].map((file) => evenkeel(lab.name, "plan", file)));
      assert.ok(
        plans.some(({ code }) => code === 0),
        plans.map(({ out, err }) => out + err).join("\n"),
      );
      assert.equal(readKernel(lab.name).services.length, 2);
    });
  }
  const total = await load.stop();
  t.diagnostic(tell(total));
  assert.deepEqual({ failed: total.failed, errors: total.errors }, { failed: 0, errors: {} });
});

interface Attempt {
  readonly lab: LabOptions;
  /** It runs, and is ready. */
  readonly director: DirectorProcess;
  readonly text: string;
  readonly afterMs: number;
}

async function killDuring({ lab, director, text, afterMs }: Attempt, moment: Moment): Promise<void> {
  const file = directorFile(lab.name);
  if (moment === "start") {
    await director.end("SIGKILL");
    writeFileSync(file, text);
    const next = spawnDirector(lab.name, file);
    await sleep(afterMs);
    await next.end("SIGKILL");
  } else if (moment === "reload") {
    writeFileSync(file, text);
    director.child.kill("SIGHUP");
    await sleep(afterMs);
    await director.end("SIGKILL");
  } else {
    writeFileSync(otherFile(lab), text);
    const command = [EVENKEEL, "apply", otherFile(lab)];
    const apply = spawnInside(lab.name, namespaceOf(lab.name, "director"), command, { stdio: "ignore" });
    const over = once(apply, "exit");
    await sleep(afterMs);
    await director.end("SIGKILL");
    await over;
  }
}

function otherFile(lab: LabOptions): string {
  return join(labDirectory(lab.name), "other.yaml");
}

/** Another weight for each server: something to do for whoever gets it. */
function textWith(lab: LabOptions, random: () => number): string {
  return configurationText(lab, { weights: [1, 2, 3].map(() => 1 + Math.floor(random() * 9)) });
}
