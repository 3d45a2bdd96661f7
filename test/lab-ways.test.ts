/** What a user is promised of NAT, DR and TUN, with real traffic in a lab: both families, both hooks, with and without offloads. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { down, up } from "../src/lab/lab.ts";
import { bulk, type Finding, replyWay, sameSequenceNumbers, seesClientAddress, spread, udp } from "../src/lab/scenario.ts";
import { type LabOptions, PORTS } from "../src/lab/topology.ts";
import { need } from "./need.ts";

interface Ground {
  readonly title: string;
  readonly lab: Partial<LabOptions>;
  readonly requests: number;
}

const wrr = { scheduler: "wrr", weights: [3, 2, 1] } as const;

const GROUNDS: readonly Ground[] = [
  { title: "at tc, rr", lab: { name: "waytc", hook: "tc" }, requests: 3000 },
  { title: "at tc, wrr 3:2:1, nothing offloaded", lab: { name: "waytcwire", hook: "tc", offload: false, ...wrr }, requests: 3000 },
  { title: "at native XDP, wrr 3:2:1", lab: { name: "wayxdp", hook: "xdp", ...wrr }, requests: 3000 },
  { title: "at native XDP, rr, nothing offloaded", lab: { name: "wayxdpwire", hook: "xdp", offload: false }, requests: 3000 },
];

for (const ground of GROUNDS)
  describe(ground.title, () => {
    for (const method of ["nat", "dr", "tun"] as const)
      test(`${method.toUpperCase()} keeps every promise, over IPv4 and IPv6`, { timeout: 180_000 }, async (t) => {
        if (!need(t, "root", "command:ip", "command:tcpdump", "command:ethtool")) return;
        const lab = await up({ ...ground.lab, method });
        t.after(() => down(lab.name, { waitMs: 30_000 }));
        for (const family of ["ipv4", "ipv6"] as const) await keepsEveryPromise({ ...lab, family }, ground.requests);
      });
  });

async function keepsEveryPromise(lab: LabOptions, requests: number): Promise<void> {
  const { family } = lab;
  holds(await spread(lab, { requests, concurrency: 16 }), lab, family);
  if (lab.method === "nat") holds(await spread(lab, { requests: 60, port: PORTS.alternate }), lab, family);
  holds(await udp(lab, { requests: 60 }), lab, family);
  holds(await seesClientAddress(lab), lab, family);
  holds(await replyWay(lab), lab, family);
  holds(await sameSequenceNumbers(lab), lab, family);
  holds(await bulk(lab, { direction: "down" }), lab, family);
  holds(await bulk(lab, { direction: "up" }), lab, family);
}

function holds(finding: Finding, { method }: LabOptions, family: string): void {
  assert.ok(finding.holds, `${finding.what}, ${method} over ${family}: ${finding.evidence}`);
}
