/** TUN through GRE and GUE with real traffic, both families inside: small requests, datagrams, an upload that the kernel carries as GSO. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { down, setMethod, up } from "../src/lab/lab.ts";
import { bulk, type Finding, replyWay, seesClientAddress, spread, udp } from "../src/lab/scenario.ts";
import type { LabOptions } from "../src/lab/topology.ts";
import { need } from "./need.ts";

const GROUNDS = [
  { name: "tungre", tunnel: "gre", hook: "tc", offload: true },
  { name: "tungrewire", tunnel: "gre", hook: "xdp", offload: false },
  { name: "tungue", tunnel: "gue", hook: "xdp", offload: true },
  { name: "tunguewire", tunnel: "gue", hook: "tc", offload: false },
] as const;

for (const ground of GROUNDS)
  describe(`${ground.tunnel} at ${ground.hook}${ground.offload ? "" : ", nothing offloaded"}`, () => {
    test("keeps every promise of TUN, over IPv4 and IPv6", { timeout: 180_000 }, async (t) => {
      if (!need(t, "root", "command:ip", "command:tcpdump", "command:ethtool")) return;
      const lab = await up({ ...ground, method: "tun", servers: 2 });
      t.after(() => down(lab.name, { waitMs: 30_000 }));
      for (const family of ["ipv4", "ipv6"] as const) await keepsItsPromises({ ...lab, family });
    });
  });

test("a lab goes from GRE to NAT and back", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "tunswitch", tunnel: "gre", method: "tun", servers: 2 });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  for (const method of ["nat", "tun"] as const) {
    const now = await setMethod(lab.name, method);
    holds(await spread(now, { requests: 20 }), now);
  }
});

async function keepsItsPromises(lab: LabOptions): Promise<void> {
  holds(await spread(lab, { requests: 200 }), lab);
  holds(await udp(lab, { requests: 40 }), lab);
  holds(await seesClientAddress(lab), lab);
  holds(await replyWay(lab), lab);
  holds(await bulk(lab, { direction: "up", bytes: 50e6 }), lab);
}

function holds(finding: Finding, { tunnel, family }: LabOptions): void {
  assert.ok(finding.holds, `${finding.what}, ${tunnel} over ${family}: ${finding.evidence}`);
}
