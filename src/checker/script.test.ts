import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Verdict } from "../../src/model/health.ts";
import { need } from "../../test/need.ts";
import { look } from "./checker.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "evenkeel-script-"));
chmodSync(directory, 0o755);
after(() => rmSync(directory, { recursive: true }));

describe("a script check", () => {
  const codes: [code: number, options: object, outcome: string, weight: number | undefined][] = [
    [0, {}, "pass", undefined],
    [1, {}, "fail", undefined],
    [7, {}, "fail", undefined],
    [0, { weight_from_exit_code: true }, "pass", undefined],
    [1, { weight_from_exit_code: true }, "fail", undefined],
    [2, { weight_from_exit_code: true }, "pass", 0],
    [255, { weight_from_exit_code: true }, "pass", 253],
  ];
  for (const [code, options, outcome, weight] of codes)
    test(`takes exit code ${code} for ${outcome}${"weight_from_exit_code" in options ? ", as weight" : ""}`, async () => {
      const verdict = await run(`exit ${code}`, options);
      assert.equal(verdict.outcome, outcome);
      assert.deepEqual(
        verdict.outcome === "unable" ? undefined : verdict.advice,
        weight === undefined ? undefined : { weight: { kind: "absolute", weight } },
      );
    });

  test("tells what the script said, and which signal ended it", async () => {
    assert.equal(reasonOf(await run("echo the database is gone; echo more; exit 3")), "the script ended with code 3: the database is gone");
    assert.equal(reasonOf(await run("kill -SEGV $$")), "the script was ended by SIGSEGV");
  });
  test("knows its server, and nothing of our environment", async () => {
    process.env["EVENKEEL_TEST_SECRET"] = "secret";
    assert.equal(
      await said("env | sort | tr '\\n' ' '", { environment: { LEVEL: 3 } }),
      "EVENKEEL_ADDRESS=127.0.0.1 EVENKEEL_PORT=80 LC_ALL=C.UTF-8 LEVEL=3 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PWD=/",
    );
  });
  test("gives up a script that writes for ever, and one that hangs", async () => {
    assert.match(reasonOf(await run("yes", {}, AbortSignal.timeout(150))), /no whole answer within/);
    assert.match(reasonOf(await run("sleep 100", {}, AbortSignal.timeout(100))), /no whole answer within/);
  });
  test("kills the whole group of a script that hangs, and what a script leaves behind", async () => {
    const mark = `EVENKEEL_MARK_${process.pid}`;
    const hanging = await run(
      "trap '' TERM; (trap '' TERM HUP; sleep 100) & sleep 100 & sleep 100",
      { environment: { [mark]: 1 } },
      AbortSignal.timeout(150),
    );
    assert.equal(hanging.outcome, "fail");
    const leaving = await run("sleep 100 & sleep 100 & exit 0", { environment: { [mark]: 1 } });
    assert.equal(leaving.outcome, "pass");
    assert.deepEqual(await livingWith(mark), []);
  });
  test("is not a shell's command", async () => {
    const verdict = await look("script", "127.0.0.1", 80, { command: ["/bin/echo", "; exit 1 $(id)"] });
    assert.equal(verdict.outcome, "pass");
  });
  test("has no privileges and gets none", async (t) => {
    if (!need(t, "root")) return;
    assert.equal(await said("id -u; id -g; id -G"), "65534");
    const status = await said("grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status | tr -s '\\n\\t ' ' '");
    assert.equal(status.replaceAll(/\b0{16}\b/g, "0"), "Groups: CapInh: 0 CapPrm: 0 CapEff: 0 CapBnd: 0 CapAmb: 0 NoNewPrivs: 1");
    // What root's file holds, what only root may do, and a program that becomes root by itself.
    const secret = join(directory, "secret");
    writeFileSync(secret, "x", { mode: 0o600 });
    const setuid = join(directory, "setuid-id");
    writeFileSync(setuid, readFileSync("/usr/bin/id"));
    chmodSync(setuid, 0o4755);
    for (const attempt of [
      `cat ${secret}`,
      "ip link add x type veth peer name y",
      "kill -0 1",
      `test "$(${setuid} -u)" = 0`,
      "mount -t tmpfs x /mnt",
    ])
      assert.equal((await run(attempt)).outcome, "fail", attempt);
  });
  test("says nothing about the server when the script cannot be started", async () => {
    const script = join(directory, "lost");
    writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
    const verdict = await look("script", "127.0.0.1", 80, { command: script });
    assert.equal(verdict.outcome, "unable");
    assert.match(reasonOf(verdict), /could not be started.*No such file/);
  });
  test("refuses a program that is not there or that cannot be run", async () => {
    for (const command of ["check.sh", ["/no/such/program"], "/tmp", join(directory, "plain"), []])
      await assert.rejects(async () => look("script", "127.0.0.1", 80, { command }), /command: /);
    await assert.rejects(async () => look("script", "127.0.0.1", 80), /the key "command" is missing/);
  });
});

function run(text: string, options: object = {}, signal?: AbortSignal): Promise<Verdict> {
  return look("script", "127.0.0.1", 80, { command: ["/bin/sh", "-c", text], ...options }, signal);
}

/** The first line of what it says, from the reason of its failure. */
async function said(text: string, options: object = {}): Promise<string> {
  const reason = reasonOf(await run(`${text}; exit 1`, options));
  return /code 1: (.*)$/s.exec(reason)?.[1] ?? reason;
}

function reasonOf(verdict: Verdict): string {
  return verdict.outcome === "pass" ? "pass" : verdict.reason;
}

/** Processes with the mark in their environment; those that were killed get a moment to go. */
async function livingWith(mark: string): Promise<string[]> {
  for (let turn = 0; ; turn++) {
    const found = readdirSync("/proc").filter(
      (pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid && environmentOf(pid).includes(mark),
    );
    if (found.length === 0 || turn === 50) return found;
    await sleep(10);
  }
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}
