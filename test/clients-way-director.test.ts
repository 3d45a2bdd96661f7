/** A director whose checks go the clients' way: the server that does not open its tunnel is taken out, and comes back when it does. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnInside } from "../src/lab/commands.ts";
import { directorFile, runOnDirector } from "../src/lab/director.ts";
import { down, up } from "../src/lab/lab.ts";
import { makeMistake, mend } from "../src/lab/mishaps.ts";
import { namespaceOf } from "../src/lab/topology.ts";
import { sendHttp } from "../src/lab/traffic.ts";
import { need } from "./need.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const CHECKS = "    checks: [{ tcp: {}, interval: 200ms, timeout: 150ms, rise: 1, fall: 2, clients_way: true }]\n";
const WITHIN_MS = 15_000;

test("a director takes out the TUN server that does not decapsulate, though it answers under its own address", {
  timeout: 90_000,
}, async (t) => {
  if (!need(t, "root", "bpf", "command:ip")) return;
  const lab = await up({ name: `wayrun${process.pid % 10_000}`, servers: 2, method: "tun" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const state = mkdtempSync(join(tmpdir(), "evenkeel-way-"));
  t.after(() => rmSync(state, { recursive: true }));
  const file = directorFile(lab.name);
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/( {4}protocol: tcp\n)/g, `$1${CHECKS}`));
  const director = spawnInside(lab.name, namespaceOf(lab.name, "director"), [EVENKEEL, "run", "--state", state, file], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(() => director.kill("SIGKILL"));

  /** Of rs1, in the services over TCP. */
  const untilAll = async (condition: "up" | "down"): Promise<void> => {
    let seen = "";
    for (const endMs = performance.now() + WITHIN_MS; performance.now() < endMs; await delay(100)) {
      seen = await runOnDirector(lab.name, ["servers"]).catch(String);
      const lines = seen.split("\n").filter((line) => /^(web|alternate)-/.test(line) && /(10\.0\.0\.11|::11\]):/.test(line));
      if (lines.length === 4 && lines.every((line) => new RegExp(`\\b${condition}\\b`).test(line))) return;
    }
    assert.fail(`rs1 is not ${condition}:\n${seen}`);
  };

  await untilAll("up");
  await makeMistake("decap", "rs1", lab.name);
  await untilAll("down");
  for (const family of ["ipv4", "ipv6"] as const) {
    const { failed, servers } = await sendHttp({ ...lab, family }, { requests: 50 });
    assert.deepEqual({ failed, servers }, { failed: 0, servers: { rs2: 50 } });
  }
  await mend(lab.name);
  await untilAll("up");
  for (const family of ["ipv4", "ipv6"] as const) {
    const { failed, servers } = await sendHttp({ ...lab, family }, { requests: 50 });
    assert.deepEqual({ failed, servers }, { failed: 0, servers: { rs1: 25, rs2: 25 } });
  }
  director.kill("SIGTERM");
  await once(director, "exit");
});
