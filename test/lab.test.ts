/** The lab from the command line, as people use it: up, what it shows, two at once, and that nothing is ever left of it. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { currentCookie, inNamespace } from "../src/kernel/namespace.ts";
import { pinDirectory } from "../src/kernel/pins.ts";
import { whileLocked } from "../src/lab/state.ts";
import { need } from "./need.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
/** Generous: other tests share the two processors. */
const UP_WITHIN_MS = 15_000;

describe("lab", () => {
  test("is up within seconds, serves, and after lab down nothing of it is left", (t) => {
    if (!need(t, "root", "command:ip")) return;
    removeAfter(t, "testup");
    const before = ownNamespace();
    const startMs = performance.now();
    mustRun("lab", "up", "--name", "testup");
    assert.ok(performance.now() - startMs < UP_WITHIN_MS);
    const cookies = cookiesOf("testup");
    assert.equal(cookies.length, 7);
    const answer = JSON.parse(mustRun("lab", "curl", "--name", "testup", "-n", "6", "-o", "json"));
    assert.deepEqual(Object.keys(answer).slice(0, 3), ["requests", "failed", "servers"]);
    assert.deepEqual({ requests: answer.requests, failed: answer.failed }, { requests: 6, failed: 0 });
    assert.deepEqual(answer.servers, { rs1: 2, rs2: 2, rs3: 2 });
    mustRun("lab", "down", "--name", "testup");
    assert.deepEqual(leftOf("testup", cookies), []);
    assert.deepEqual(ownNamespace(), before);
  });

  test("stands beside another, and each goes alone", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    removeAfter(t, "testa", "testb");
    const both = await Promise.all(["testa", "testb"].map((name) => finish("lab", "up", "--name", name, "--servers", "2")));
    assert.deepEqual(both, [0, 0]);
    const cookies = cookiesOf("testa");
    mustRun("lab", "down", "--name", "testa");
    assert.deepEqual(leftOf("testa", cookies), []);
    const answer = JSON.parse(mustRun("lab", "curl", "--name", "testb", "-n", "4", "-o", "json"));
    assert.deepEqual(answer.servers, { rs1: 2, rs2: 2 });
    assert.match(evenkeel("lab", "up", "--name", "testb").stderr, /lab "testb" stands already/);
    mustRun("lab", "down", "--name", "testb");
  });

  test("is changed by one command at a time", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const run = await whileLocked("testbusy", async () => evenkeel("lab", "up", "--name", "testbusy"));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /being changed by another command/);
  });

  for (const afterMs of [60, 120, 200, 350, 600]) {
    test(`leaves nothing when lab up is killed after ${afterMs} ms and lab down follows`, async (t) => {
      if (!need(t, "root", "command:ip")) return;
      removeAfter(t, "testkill");
      const up = spawn(EVENKEEL, ["lab", "up", "--name", "testkill"], { stdio: "ignore" });
      // Asked before it can happen: the last of them may be done before it is killed.
      const ended = once(up, "exit");
      await sleep(afterMs);
      up.kill("SIGKILL");
      await ended;
      const cookies = cookiesOf("testkill");
      mustRun("lab", "down", "--name", "testkill");
      // Long enough for a program that the killed one had just started.
      await sleep(100);
      assert.deepEqual(leftOf("testkill", cookies), []);
    });
  }

  test("cleans up after itself when lab up is interrupted", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    removeAfter(t, "testterm");
    const up = spawn(EVENKEEL, ["lab", "up", "--name", "testterm"], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    for await (const piece of up.stderr) {
      said += String(piece);
      if (said.includes("namespaces")) up.kill("SIGTERM");
    }
    assert.match(said, /interrupted by SIGTERM; what was built is removed/);
    assert.doesNotMatch(said, /should not have happened/);
    assert.deepEqual(leftOf("testterm", []), []);
  });

  test("shows the classic mistakes and mends them", (t) => {
    if (!need(t, "root", "command:ip")) return;
    removeAfter(t, "testbreak");
    mustRun("lab", "up", "--name", "testbreak", "--method", "nat");
    const servers = (...more: string[]) =>
      JSON.parse(evenkeel("lab", "curl", "--name", "testbreak", "-n", "3", "-m", "1", "-o", "json", ...more).stdout);
    const whole = { rs1: 1, rs2: 1, rs3: 1 };
    for (const [method, mistake, broken] of [
      ["nat", "gateway", { rs2: 1, rs3: 1 }],
      ["dr", "arp", { rs1: 3 }],
      ["tun", "decap", { rs2: 1, rs3: 1 }],
    ] as const) {
      mustRun("lab", "method", method, "--name", "testbreak");
      mustRun("lab", "break", mistake, "--name", "testbreak");
      for (const family of ["-4", "-6"]) assert.deepEqual(servers(family, "-c", "3").servers, broken, `${mistake} ${family}`);
      mustRun("lab", "mend", "--name", "testbreak");
      for (const family of ["-4", "-6"]) assert.deepEqual(servers(family).servers, whole, `${mistake} mended ${family}`);
    }
    mustRun("lab", "down", "--name", "testbreak");
  });

  test("passes a command's exit code on", (t) => {
    if (!need(t, "root", "command:ip")) return;
    removeAfter(t, "testexec");
    mustRun("lab", "up", "--name", "testexec", "--servers", "1");
    assert.equal(evenkeel("lab", "exec", "--name", "testexec", "rs1", "--", "sh", "-c", "exit 7").status, 7);
    assert.match(evenkeel("lab", "exec", "--name", "testexec", "rs9", "--", "true").stderr, /no node "rs9"/);
    mustRun("lab", "down", "--name", "testexec");
  });
});

/** Also when the test fails half-way. */
function removeAfter(t: TestContext, ...labs: string[]): void {
  t.after(() => {
    for (const lab of labs) evenkeel("lab", "down", "--name", lab, "--wait", "30");
  });
}

function evenkeel(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(EVENKEEL, args, { encoding: "utf8", timeout: 60_000 });
}

function mustRun(...args: string[]): string {
  const { status, stdout, stderr } = evenkeel(...args);
  assert.equal(status, 0, `evenkeel ${args.join(" ")}\n${stderr}${stdout}`);
  return stdout;
}

async function finish(...args: string[]): Promise<number> {
  const [status] = await once(spawn(EVENKEEL, args, { stdio: "ignore" }), "exit");
  return status as number;
}

/** A half-made namespace is a file that cannot be entered; it has no cookie either. */
function cookiesOf(lab: string): bigint[] {
  return namespacesOf(lab).flatMap((namespace) => {
    const inside = spawnSync("nsenter", [`--net=/run/netns/${namespace}`, "true"]);
    return inside.status === 0 ? [inNamespace(`/run/netns/${namespace}`, currentCookie)] : [];
  });
}

function namespacesOf(lab: string): string[] {
  return existsSync("/run/netns") ? readdirSync("/run/netns").filter((name) => name.startsWith(`ek-${lab}-`)) : [];
}

/** Whatever of a lab is still on the machine. */
function leftOf(lab: string, cookies: readonly bigint[]): string[] {
  const pins = cookies.map((cookie) => pinDirectory(cookie).path);
  const records = cookies.flatMap((cookie) => globSync(`/run/evenkeel/{,realserver/}{,net-}${cookie}.*`));
  const files = [...pins, ...records, `/run/evenkeel/lab/${lab}`].filter((path) => existsSync(path));
  return [...namespacesOf(lab), ...files, ...processesOf(lab)];
}

function processesOf(lab: string): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const marked = readFileSync(`/proc/${pid}/environ`, "utf8").includes(`EVENKEEL_LAB=${lab}\0`);
        return marked || command.includes(`/run/evenkeel/lab/${lab}/`) || command.includes(`ek-${lab}-`)
          ? [`process ${pid}: ${command}`]
          : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

/** What a lab may not touch: the devices and the sysctls of the namespace it is called from. */
function ownNamespace(): { devices: string[]; sysctls: string[] } {
  const devices = readFileSync("/proc/net/dev", "utf8")
    .split("\n")
    .slice(2)
    .map((line) => line.split(":")[0]?.trim() ?? "");
  const sysctls = [
    "ipv4/ip_forward",
    "ipv4/conf/all/rp_filter",
    "ipv4/conf/default/rp_filter",
    "ipv4/conf/all/arp_ignore",
    "ipv6/conf/all/forwarding",
  ];
  return { devices, sysctls: sysctls.map((key) => `${key} ${readFileSync(`/proc/sys/net/${key}`, "utf8").trim()}`) };
}
