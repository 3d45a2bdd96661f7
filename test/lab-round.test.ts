/** One round of a lab through all forwarding methods: short enough for an emulated machine with another kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { down, setMethod, up } from "../src/lab/lab.ts";
import { bulk, type Finding, replyWay, spread, udp } from "../src/lab/scenario.ts";
import type { LabOptions } from "../src/lab/topology.ts";
import { need } from "./need.ts";

test("a lab goes round its methods and serves by each, in both families", { timeout: 600_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:tcpdump")) return;
  await up({ name: "round", method: "tun" });
  t.after(() => down("round", { waitMs: 30_000 }));
  for (const method of ["dr", "nat", "tun", "dr"] as const) {
    const lab = await setMethod("round", method);
    for (const family of ["ipv4", "ipv6"] as const) {
      holds(await spread({ ...lab, family }, { requests: 30 }), lab, family);
      holds(await udp({ ...lab, family }, { requests: 9 }), lab, family);
      holds(await replyWay({ ...lab, family }), lab, family);
      holds(await bulk({ ...lab, family }, { direction: "up", bytes: 5e6 }), lab, family);
    }
  }
});

function holds(finding: Finding, { method }: LabOptions, family: string): void {
  assert.ok(finding.holds, `${finding.what}, ${method} over ${family}: ${finding.evidence}`);
}
