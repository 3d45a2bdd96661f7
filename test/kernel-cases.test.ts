/** Connections through the program in the kernel against recordings of connections through IPVS: no choice, no counter may differ. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readRecording, recordingsBelow } from "../src/cli/recordings.ts";
import { withKernelEngines } from "../src/director/replay/kernel-engines.ts";
import { replayRecording } from "../src/scheduler/recording/replay-recording.ts";
import { need } from "./need.ts";

const CASES = fileURLToPath(new URL("golden/kernel/", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

test("every recorded connection goes through the kernel's program as it went through IPVS", (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  withKernelEngines("cases", (engines) => {
    let decisions = 0;
    for (const file of recordingsBelow(CASES)) {
      const result = replayRecording(readRecording(file), engines);
      assert.deepEqual(result?.differences.slice(0, 5), [], basename(file));
      decisions += result.decisions;
    }
    assert.ok(decisions > 20_000, `only ${decisions} decisions were replayed`);
    t.diagnostic(`${decisions} decisions, 0 differences`);
  });
});

test("selftest schedulers --engine bpf asks the kernel", (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const { status, stdout } = spawnSync(PROGRAM, ["selftest", "schedulers", `${CASES}states-nat.json.gz`, "--engine", "bpf"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stdout.trimEnd().split("\n").at(-1), "3 decisions, 0 differences");
  assert.equal(status, 0);
});
