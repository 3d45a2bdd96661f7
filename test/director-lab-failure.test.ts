/** A real server's web process dies under load and comes back: how soon the director takes it out, what clients notice, and what is told of it. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { directorFile } from "../src/lab/director.ts";
import { noticeAddresses, startHosts } from "../src/lab/hosts.ts";
import { down, up } from "../src/lab/lab.ts";
import { type LabOptions, PORTS, serverAddress } from "../src/lab/topology.ts";
import { type Family, formatEndpoint, parseAddress } from "../src/model/address.ts";

import type { JournalEntry, StoryEvent } from "../src/model/journal.ts";
import { configurationText, FAST_CHECKS } from "./director-lab/configuration.ts";
import { KernelView, serves } from "./director-lab/kernel-view.ts";
import { ALL_KINDS, Load, tell } from "./director-lab/load.ts";
import { eventsAfter, killWebProcess, lastEvent, startDirector, until } from "./director-lab/running.ts";
import { need } from "./need.ts";

const FAMILIES = ["ipv4", "ipv6"] as const;
const VICTIM = "rs2";
/** Two checks at 200 ms each that fail, the first as much later as it may be, and what it takes to act. */
const OUT_WITHIN_MS = 700;

describe("a web process that is killed under load, with checks each 200 ms and fall 2", { timeout: 120_000 }, () => {
  for (const method of ["nat", "dr"] as const)
    test(`${method}: it is out within 0.7 s, comes back after two passes, and every step is told with its cause`, async (t) => {
      if (!need(t, "root", "command:ip")) return;
      const lab = await up({ name: `fail${method}`, method });
      t.after(() => down(lab.name, { waitMs: 30_000 }));
      writeFileSync(directorFile(lab.name), configurationText(lab, { checks: FAST_CHECKS }));
      const director = await startDirector(lab.name, directorFile(lab.name));
      t.after(() => director.end("SIGKILL"));
      await until("every server passes", () => FAMILIES.every((family) => serves(lab.name, family, VICTIM)), 5000);
      // Checks have gone around a few times.
      await sleep(1000);
      const before = await lastEvent(lab.name);

      const view = new KernelView(lab.name);
      t.after(() => view.close());
      const load = new Load(lab, ALL_KINDS);
      await sleep(1500);
      killWebProcess(lab.name, VICTIM);
      const [killedMs, killedAtMs] = [performance.now(), Date.now()];
      const out = await Promise.all(
        FAMILIES.map((family) => until(`${VICTIM} is out over ${family}`, () => !view.serves(family, VICTIM), 5000, 10)),
      );
      const tookMs = performance.now() - killedMs;
      const lost = await load.stop();
      const quiet = await answeredBy(lab, 300);

      await startHosts(lab.name, [VICTIM]);
      await noticeAddresses(lab.name, [VICTIM]);
      const startedMs = performance.now();
      for (const family of FAMILIES) await until(`${VICTIM} is back over ${family}`, () => view.serves(family, VICTIM), 5000, 10);
      const backMs = performance.now() - startedMs;
      const again = await answeredBy(lab, 300);

      t.diagnostic(
        `out after ${out.map((ms, i) => `${ms.toFixed(0)} ms (${FAMILIES[i]})`).join(", ")}, back ${backMs.toFixed(0)} ms after it served again`,
      );
      t.diagnostic(`around the death ${tell(lost)}; while it was out ${tell(quiet)}; with it again ${tell(again)}`);
      const story = await eventsAfter(lab.name, before);
      for (const family of FAMILIES) t.diagnostic(`${family}: ${timeline(story, family, killedAtMs)}`);
      assert.ok(tookMs <= OUT_WITHIN_MS, `it took ${tookMs.toFixed(0)} ms`);
      assert.equal(quiet.failed, 0);
      assert.equal(quiet.servers[VICTIM], undefined);
      assert.equal(again.failed, 0);
      assert.ok((again.servers[VICTIM] ?? 0) > 0);
      assert.ok(lost.failed > 0, "nobody noticed: there was no load");
      for (const family of FAMILIES) storyIsWhole(story, family);
    });
});

async function answeredBy(lab: LabOptions, requests: number) {
  const kinds = FAMILIES.map((family) => ({ family, keepAlive: false, requests }));
  return await new Load(lab, kinds).stop();
}

/** What a person reads afterwards: it failed, so it went down, so it was taken out; it passed, so it came up, so it was put back. */
function storyIsWhole(entries: readonly JournalEntry[], family: Family): void {
  const own = ofVictim(entries, family);
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry]));
  const one = (event: StoryEvent): JournalEntry => {
    const found = own.filter(({ story }) => story.event === event);
    assert.equal(found.length, 1, `${event} once:\n${own.map((entry) => JSON.stringify(entry)).join("\n")}`);
    return found[0] as JournalEntry;
  };
  const down_ = one("server-down");
  const up_ = one("server-up");
  assert.ok(down_.seq < up_.seq);
  assert.equal(down_.cause.kind, "health");
  assert.equal(up_.cause.kind, "health");
  assert.ok(
    down_.story.event === "server-down" &&
      down_.story.after.some(({ outcome, phase, reason }) => outcome === "fail" && phase === "connect" && reason !== undefined),
  );
  const changes = own.filter(({ story }) => story.event === "change");
  assert.equal(changes.length, 2, "the packet path was changed twice");
  for (const entry of changes) {
    assert.equal(entry.cause.kind, "health", JSON.stringify(entry));
    assert.ok(entry.because !== undefined && bySeq.has(entry.because), `says what led to it: ${JSON.stringify(entry)}`);
  }
}

function ofVictim(entries: readonly JournalEntry[], family: Family): JournalEntry[] {
  const server = formatEndpoint(parseAddress(serverAddress(VICTIM)[family]), PORTS.http);
  return entries.filter(({ story }) => "server" in story && story.server === server);
}

/** From the kill to the change of the packet path. */
function timeline(entries: readonly JournalEntry[], family: Family, killedAtMs: number): string {
  const own = ofVictim(entries, family);
  const out = own.findIndex(({ story }) => story.event === "change");
  return own
    .slice(0, out + 1)
    .map(({ atMs, story }) => `${story.event} after ${atMs - killedAtMs} ms`)
    .join(", ");
}
