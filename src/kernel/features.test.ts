import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { need } from "../../test/need.ts";
import { jiffiesPerSecond, nowMs, nowNs } from "./clock.ts";
import { featureNames, hasFeature, helperKnown, probeFeatures, requireFeatures } from "./features.ts";
import { tellingLines } from "./verifier-log.ts";

describe("features", () => {
  it("are found by trying", (t) => {
    if (!need(t, "root", "bpf")) return;
    assert.ok(hasFeature("xdp") && hasFeature("cmpxchg") && hasFeature("bpf-loop"));
    assert.equal(probeFeatures().length, featureNames().length);
    requireFeatures("bpf", "netns-cookie");
  });

  it("that are not there answer no: a helper of another program type, and one of no kernel", (t) => {
    if (!need(t, "root", "bpf", "redirect-neigh")) return;
    const REDIRECT_NEIGHBOUR = 152;
    assert.equal(helperKnown("tc", REDIRECT_NEIGHBOUR), true);
    assert.equal(helperKnown("xdp", REDIRECT_NEIGHBOUR), false);
    assert.equal(helperKnown("tc", 9999), false);
  });
});

describe("need()", () => {
  it("skips by name what a machine may lack, and throws under CI", () => {
    const before = process.env["CI"];
    const skipped: string[] = [];
    const t = { skip: (why?: string) => void skipped.push(why ?? "") };
    try {
      delete process.env["CI"];
      assert.equal(need(t, "command:haproxy-that-is-not-there" as "command:haproxy"), false);
      assert.deepEqual(skipped, ["needs command:haproxy-that-is-not-there"]);
      process.env["CI"] = "true";
      assert.throws(() => need(t, "command:haproxy-that-is-not-there" as "command:haproxy"), /ought to have/);
    } finally {
      if (before === undefined) delete process.env["CI"];
      else process.env["CI"] = before;
    }
  });
});

describe("the clock", () => {
  it("is monotonic, and knows the kernel's tick", () => {
    const first = nowNs();
    assert.ok(nowNs() >= first);
    assert.ok(Math.abs(nowMs() - Number(first / 1_000_000n)) < 1000);
    assert.ok([100, 250, 300, 1000].includes(jiffiesPerSecond()));
  });
});

describe("tellingLines()", () => {
  it("keeps the end and leaves out the statistics", () => {
    const log = [
      ...Array.from({ length: 1000 }, (_, i) => `${i}: (bf) r1 = r2`),
      "R1 invalid mem access 'scalar'",
      "processed 1000 insns (limit 1000000)",
      "",
    ];
    const lines = tellingLines(log.join("\n"), 5).split("\n");
    assert.deepEqual([lines[0], lines.at(-1), lines.length], ["... (996 lines before)", "R1 invalid mem access 'scalar'", 6]);
  });
});
