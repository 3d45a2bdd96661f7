/** `evenkeel drain` under load: nobody's request fails, the server gets no new clients, and the deadline cuts what will not end. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnInside } from "../src/lab/commands.ts";
import { directorFile } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { ADDRESSES, type LabOptions, namespaceOf, PORTS, serverAddress } from "../src/lab/topology.ts";
import type { Family } from "../src/model/address.ts";
import { configurationText, FAST_CHECKS } from "./director-lab/configuration.ts";
import { serves } from "./director-lab/kernel-view.ts";
import { Load, tell } from "./director-lab/load.ts";
import { evenkeelDone, eventsAfter, lastEvent, startDirector, until } from "./director-lab/running.ts";
import { need } from "./need.ts";

const FAMILIES = ["ipv4", "ipv6"] as const;
const DRAINED = "rs1";
const DEADLINE_MS = 6000;
/** When the deadline has come, until a client must have heard or is stuck for good. */
const CUT_WITHIN_MS = 3000;
/** The director looks twice a second. */
const LATE_MS = 1000;

test("drain under load: no request fails, and at the deadline a long download is cut", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:curl")) return;
  const lab = await up({ name: "drain", method: "nat" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  writeFileSync(directorFile(lab.name), configurationText(lab, { checks: FAST_CHECKS }));
  const director = await startDirector(lab.name, directorFile(lab.name));
  t.after(() => director.end("SIGKILL"));
  await until("every server passes", () => FAMILIES.every((family) => serves(lab.name, family, DRAINED)), 5000);
  const before = await lastEvent(lab.name);

  for (const family of FAMILIES) {
    const downloads = [1, 2, 3].map(() => new Download(lab, family));
    await until("three downloads run", () => downloads.every(({ server }) => server !== undefined), 5000);
    const doomed = downloads.find(({ server }) => server === DRAINED);
    assert.ok(doomed !== undefined, "round robin gave none to the server that is drained");
    const fresh = new Load(lab, [{ family, keepAlive: false }]);
    // On connections that live on, for a shorter time than the deadline: those end by themselves.
    const living = new Load(lab, [{ family, keepAlive: true, requests: 200 }]);
    await sleep(500);

    const drainedMs = performance.now();
    await evenkeelDone(lab.name, "drain", "--deadline", `${DEADLINE_MS / 1000}s`, serverAddress(DRAINED)[family]);
    assert.ok(!serves(lab.name, family, DRAINED), "it still gets new clients when the command has ended");
    const held = await living.stop();
    const later = await new Load(lab, [{ family, keepAlive: false, requests: 300 }]).stop();
    assert.equal(later.servers[DRAINED], undefined, "a new client reached it");
    assert.ok(!doomed.hasEnded, "cut before the deadline");
    await until("the download is cut", () => doomed.hasEnded, DEADLINE_MS + CUT_WITHIN_MS - (performance.now() - drainedMs), 50);
    const cutMs = performance.now() - drainedMs;
    const asked = await fresh.stop();

    t.diagnostic(
      `${family}: the client heard of it ${cutMs.toFixed(0)} ms after drain was called; new clients ${tell(asked)}, keep-alive ${tell(held)}, afterwards ${tell(later)}`,
    );
    assert.deepEqual([asked.failed, held.failed, later.failed], [0, 0, 0]);
    for (const other of downloads.filter((one) => one !== doomed)) assert.ok(!other.hasEnded, "a download from another server ended");
    await Promise.all(downloads.map((download) => download.end()));
    await evenkeelDone(lab.name, "undrain", serverAddress(DRAINED)[family]);
    assert.ok(serves(lab.name, family, DRAINED), "back when the command has ended");
  }

  const story = await eventsAfter(lab.name, before);
  for (const family of FAMILIES) {
    const own = story.filter(({ story: told }) => "server" in told && told.server.includes(serverAddress(DRAINED)[family]));
    const cut = own.map(({ story: told }) => told).filter(({ event }) => event === "drain-cut");
    assert.equal(cut.length, 1, JSON.stringify(own));
    assert.ok(cut[0]?.event === "drain-cut" && cut[0].connections >= 1, JSON.stringify(cut));
    const [set = 0, over = 0] = ["override-set", "drain-cut"].map((event) => own.find(({ story: told }) => told.event === event)?.atMs);
    t.diagnostic(`${family}: the deadline of ${DEADLINE_MS} ms cut ${cut[0].connections} connections after ${over - set} ms`);
    assert.ok(over - set >= DEADLINE_MS && over - set <= DEADLINE_MS + LATE_MS, `${over - set} ms`);
    assert.ok(own.some(({ story: told, cause }) => told.event === "override-set" && cause.kind === "operator"));
    assert.ok(own.some(({ story: told, cause }) => told.event === "override-cleared" && cause.kind === "operator"));
  }
});

/** A client that takes its time: a gigabyte at 10 MB a second. */
class Download {
  readonly #child;
  #head = "";

  constructor(lab: LabOptions, family: Family) {
    const vip = ADDRESSES.vip[family];
    const url = `http://${family === "ipv6" ? `[${vip}]` : vip}:${PORTS.http}/bytes?n=1000000000`;
    this.#child = spawnInside(lab.name, namespaceOf(lab.name, "client"), ["curl", "-sSgi", "--no-buffer", "--limit-rate", "10M", url], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.on("data", (piece: Buffer) => {
      if (this.server === undefined) this.#head += piece.toString("latin1");
    });
  }

  /** Once it has answered. */
  get server(): string | undefined {
    return /^x-server: (\w+)/im.exec(this.#head)?.[1];
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async end(): Promise<void> {
    if (this.hasEnded) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
