/** The schedulers and the model of IPVS against recordings of the kernel's own: not one decision, not one counter may differ. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readRecording, recordingsBelow } from "../src/cli/recordings.ts";
import { referenceEngines, replayRecording } from "../src/scheduler/recording/replay-recording.ts";

const GOLDEN = fileURLToPath(new URL("golden/", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

for (const file of recordingsBelow(GOLDEN).filter((each) => /\/golden\/(ipvs|kernel)\//.test(each))) {
  test(`the reference decides as IPVS did in ${file.slice(GOLDEN.length)}`, (t) => {
    const result = replayRecording(readRecording(file), referenceEngines());
    assert.deepEqual(result?.differences.slice(0, 5), []);
    assert.ok(result.decisions > 0);
    t.diagnostic(`${result.decisions} decisions, 0 differences`);
  });
}

test("selftest schedulers replays a whole directory and says so in its last line", () => {
  const { status, lastLine } = selftest(join(GOLDEN, "ipvs"));
  assert.match(lastLine, /^\d{5} decisions, 0 differences$/);
  assert.equal(status, 0);
});

test("selftest schedulers fails on a difference and on a broken recording, and names both", (t) => {
  const directory = scratch(t);
  const recording = JSON.stringify(readRecording(join(GOLDEN, "kernel/states-nat.json.gz")));
  writeFileSync(join(directory, "different.json"), recording.replace('"dest":"192.168.1.2:80"', '"dest":"192.168.1.7:80"'));
  writeFileSync(join(directory, "broken.json"), "{");
  writeFileSync(join(directory, "other.json"), "{}");
  const { status, stdout, stderr, lastLine } = selftest(directory);
  assert.equal(lastLine, "3 decisions, 2 differences");
  assert.match(stdout, /different\.json: states-nat, event 4: expected 192\.168\.1\.7:80, chosen 192\.168\.1\.2:80/);
  assert.match(stdout, /broken\.json: cannot be replayed/);
  assert.match(stderr, /other\.json: not a recording of schedulers/);
  assert.equal(status, 1);
});

test("selftest schedulers fails when there is nothing to replay", (t) => {
  const { status, stderr, lastLine } = selftest(scratch(t));
  assert.equal(lastLine, "0 decisions, 0 differences");
  assert.match(stderr, /no recording of schedulers was found/);
  assert.equal(status, 1);
});

function selftest(...args: string[]): { status: number | null; stdout: string; stderr: string; lastLine: string } {
  const { status, stdout, stderr } = spawnSync(PROGRAM, ["selftest", "schedulers", ...args], { encoding: "utf8", timeout: 60_000 });
  return { status, stdout, stderr, lastLine: stdout.trimEnd().split("\n").at(-1) ?? "" };
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-selftest-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}
