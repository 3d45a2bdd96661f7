/** packaging/evenkeel.service: systemd understands it, and it grants what evenkeel run keeps, no more and no less. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEEDED_CAPABILITIES } from "../src/cli/run/capabilities.ts";
import { EVENKEEL } from "./apply/host.ts";
import { need } from "./need.ts";

const UNIT = readFileSync(new URL("../packaging/evenkeel.service", import.meta.url), "utf8");

test("systemd has nothing to say against the unit", (t) => {
  if (!need(t, "command:systemd-analyze")) return;
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-unit-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "evenkeel.service");
  // It looks whether the program is there.
  writeFileSync(file, UNIT.replaceAll("/opt/evenkeel/bin/evenkeel", EVENKEEL));
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
  const about = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("evenkeel.service"));
  assert.deepEqual(about, []);
  assert.equal(status, 0);
});

test("the unit grants the capabilities that the director keeps", () => {
  const granted = /^CapabilityBoundingSet=(.*)$/m.exec(UNIT)?.[1]?.split(" ") ?? [];
  assert.deepEqual(granted.toSorted(), [...NEEDED_CAPABILITIES].toSorted());
});
