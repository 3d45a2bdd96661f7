/** The director is killed, and started again, while clients go on asking: no request fails, and nothing of what stood is touched. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { directorFile } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { serverAddress } from "../src/lab/topology.ts";
import { serviceName } from "../src/model/service.ts";
import { configurationText, FAST_CHECKS } from "./director-lab/configuration.ts";
import { readCounters, readKernel } from "./director-lab/kernel-view.ts";
import { ALL_KINDS, Load, tell } from "./director-lab/load.ts";
import { checksMade, evenkeel, evenkeelDone, eventsAfter, lastEvent, startDirector, until } from "./director-lab/running.ts";
import { need } from "./need.ts";

const REQUESTS = 10_000;

test("kill -9 of the director under 10,000 requests: none fails, the next one changes nothing and knows every override", {
  timeout: 180_000,
}, async (t) => {
  if (!need(t, "root", "command:ip")) return;
  const lab = await up({ name: "crash", method: "nat", scheduler: "wrr" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const file = directorFile(lab.name);
  writeFileSync(file, configurationText(lab, { checks: FAST_CHECKS, weights: [3, 2, 1] }));
  const first = await startDirector(lab.name, file);
  t.after(() => first.end("SIGKILL"));
  await evenkeelDone(lab.name, "weight", serverAddress("rs1").ipv4, "7");
  await evenkeelDone(lab.name, "drain", serverAddress("rs3").ipv6);
  await evenkeelDone(lab.name, "disable", serverAddress("rs3").ipv4);
  const stood = readKernel(lab.name);

  const load = new Load(lab, ALL_KINDS);
  await until("a third of the requests", () => load.requests > REQUESTS / 3, 60_000);
  const counted = readCounters(lab.name);
  await first.end("SIGKILL");
  const killedAt = load.requests;
  assert.equal((await evenkeel(lab.name, "servers")).code, 4, "nobody answers for a dead director");
  await until("some requests without a director", () => load.requests > killedAt + 1000, 60_000);
  const known = counted.services.reduce((sum, { connections }) => sum + connections, 0n);
  const second = await startDirector(lab.name, file);
  t.after(() => second.end("SIGKILL"));
  const again = readCounters(lab.name);
  assert.deepEqual(readKernel(lab.name), stood, "what stood was changed");
  await until("the rest of the requests", () => load.requests > REQUESTS, 60_000);
  const total = await load.stop();
  t.diagnostic(`${tell(total)}; the next director was ready after ${second.readyMs?.toFixed(0)} ms`);

  assert.deepEqual({ failed: total.failed, errors: total.errors }, { failed: 0, errors: {} });
  assert.ok(total.requests >= REQUESTS);
  // Never lower, and no more than those who asked can have made.
  for (const service of counted.services) {
    const later = again.services.find((one) => serviceName(one.service) === serviceName(service.service));
    assert.ok(later !== undefined && later.connections >= service.connections && later.bytesIn >= service.bytesIn, "a counter went back");
  }
  const made = again.services.reduce((sum, { connections }) => sum + connections, 0n) - known;
  assert.ok(made <= BigInt(total.requests), `${made} connections were counted beside ${total.requests} requests`);

  const planned = await evenkeel(lab.name, "plan", file);
  assert.equal(planned.code, 0, planned.out);
  const servers = await evenkeelDone(lab.name, "servers", "-o", "wide");
  assert.match(servers, /weight 7/i);
  assert.match(servers, /drain/i);
  assert.match(servers, /disable/i);
  const story = await eventsAfter(lab.name);
  const restarted = story.findLastIndex(({ story: told }) => told.event === "director-started");
  const changes = story.slice(restarted).filter(({ story: told }) => told.event === "change" || told.event === "drift");
  assert.deepEqual(changes, []);
});

test("SIGHUP: a broken file changes nothing and says where it is wrong; an equal one changes nothing; traffic goes on", {
  timeout: 120_000,
}, async (t) => {
  if (!need(t, "root", "command:ip")) return;
  const lab = await up({ name: "hangup", method: "dr" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const file = directorFile(lab.name);
  const good = configurationText(lab, { checks: FAST_CHECKS });
  writeFileSync(file, good);
  const director = await startDirector(lab.name, file);
  t.after(() => director.end("SIGKILL"));
  await sleep(1500);
  const stood = readKernel(lab.name);
  const load = new Load(lab, ALL_KINDS);

  const beforeBroken = await lastEvent(lab.name);
  const broken = good.replace("scheduler: rr", "scheduler: rrr");
  const line = broken.split("\n").findIndex((text) => text.includes("rrr")) + 1;
  writeFileSync(file, broken);
  director.child.kill("SIGHUP");
  await until(
    "the file is refused",
    async () => (await eventsAfter(lab.name, beforeBroken)).some(({ story }) => story.event === "configuration-refused"),
    5000,
  );
  const refused = (await eventsAfter(lab.name, beforeBroken)).flatMap(({ story }) =>
    story.event === "configuration-refused" ? story.complaints : [],
  );
  assert.equal(refused.length, 1);
  assert.match(
    refused[0] ?? "",
    new RegExp(`evenkeel\\.yaml:${line}:16: services\\[0\\]\\.scheduler: .*rrr.*did you mean`),
    "names file, line, column and key",
  );
  assert.match(director.log, new RegExp(`evenkeel\\.yaml:${line}:16`), "its log says it too");
  assert.deepEqual(readKernel(lab.name), stood);

  writeFileSync(file, good);
  const beforeEqual = await lastEvent(lab.name);
  const started = await checksMade(lab.name);
  director.child.kill("SIGHUP");
  await sleep(2000);
  const later = await checksMade(lab.name);
  const story = await eventsAfter(lab.name, beforeEqual);
  assert.deepEqual(
    story.filter(({ story: told }) => ["change", "verdict", "server-up", "server-down", "server-weight", "drift"].includes(told.event)),
    [],
  );
  assert.deepEqual(readKernel(lab.name), stood);
  // Six checks each 200 ms: were they begun anew, some would be missing or doubled.
  t.diagnostic(`${later.passed - started.passed} checks in the 2 s around the equal file, ${later.others} did not pass since the start`);
  assert.equal(later.others, started.others);
  const total = await load.stop();
  t.diagnostic(tell(total));
  assert.deepEqual({ failed: total.failed, errors: total.errors }, { failed: 0, errors: {} });
});
