/** The director as one of its own real servers, with real traffic; and what apply refuses of it. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { directorFile, runOnDirector } from "../src/lab/director.ts";
import { startHosts } from "../src/lab/hosts.ts";
import { down, up } from "../src/lab/lab.ts";
import { spread } from "../src/lab/scenario.ts";
import { ADDRESSES, FRONT, LAN, type LabOptions, PORTS, serverAddress } from "../src/lab/topology.ts";
import type { EvenkeelError } from "../src/model/error.ts";
import { need } from "./need.ts";

const FAMILIES = ["ipv4", "ipv6"] as const;

/** rr over rs1 and the director itself. */
function configuration({ method, hook }: LabOptions, { ownPort = PORTS.http }: { readonly ownPort?: number } = {}): string {
  const own = method === "nat" ? ADDRESSES.directorFront : ADDRESSES.directorLan;
  const services = FAMILIES.flatMap((family) => [
    `  - { address: "${ADDRESSES.vip[family]}", port: ${PORTS.http}, scheduler: rr, method: ${method}, servers: [`,
    `      { address: "${serverAddress("rs1")[family]}", port: ${PORTS.http} }, { address: "${own[family]}", port: ${ownPort} }] }`,
  ]);
  return ["interfaces:", ...[FRONT, LAN].map((name) => `  - { name: ${name}, hook: ${hook} }`), "services:", ...services, ""].join("\n");
}

describe("a real server on the director itself", () => {
  for (const [method, hook] of [
    ["dr", "tc"],
    ["tun", "xdp"],
    ["nat", "tc"],
  ] as const)
    test(`${method} at ${hook}: both answer in turn, over IPv4 and IPv6`, { timeout: 120_000 }, async (t) => {
      if (!need(t, "root", "command:ip", "command:ethtool")) return;
      const lab = await up({ name: `own${method}`, method, hook, servers: 1 });
      t.after(() => down(lab.name, { waitMs: 30_000 }));
      await startHosts(lab.name, ["director"]);
      writeFileSync(directorFile(lab.name), configuration(lab));
      await runOnDirector(lab.name, ["apply", directorFile(lab.name)]);
      for (const family of FAMILIES) {
        const found = await spread({ ...lab, family }, { requests: 60, expect: { rs1: 30, director: 30 } });
        assert.ok(found.holds, `${family}: ${found.evidence}`);
      }
      const status = await runOnDirector(lab.name, ["status"]);
      assert.equal(status.split("\n").filter((line) => line.includes(`${method} (local)`)).length, 2, status);
      // A second apply sees what it wanted, though the packet path forwards in another way.
      assert.match(await runOnDirector(lab.name, ["apply", directorFile(lab.name)]), /nothing|already|no change/i);

      if (method !== "nat") return;
      writeFileSync(directorFile(lab.name), configuration(lab, { ownPort: PORTS.mapped }));
      await assert.rejects(runOnDirector(lab.name, ["apply", directorFile(lab.name)]), (error: EvenkeelError) => {
        assert.match(JSON.stringify(error.facts), /is this host itself.*port 80.*8081/);
        return true;
      });
    });
});
