/** Full NAT: ports by the ten thousand, and clients in the servers' own network with real traffic. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { spawnInside } from "../src/lab/commands.ts";
import { directorFile, runOnDirector } from "../src/lab/director.ts";
import { finished } from "../src/lab/finished.ts";
import { down, up } from "../src/lab/lab.ts";
import { spread } from "../src/lab/scenario.ts";
import { ADDRESSES, FRONT, LAN, type LabOptions, namespaceOf, PORTS, serverAddress, serverNames } from "../src/lab/topology.ts";
import type { EvenkeelError } from "../src/model/error.ts";
import { EtherType, encodeEthernet } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { request, server, service, TUNNEL_SOURCES } from "./packet-rows/cast.ts";
import { census } from "./packet-rows/crowd.ts";
import { packet } from "./packet-rows/packets.ts";
import { Stage } from "./packet-rows/stage.ts";

/** What may be given: 1024 to 32767 and 61000 to 65535. */
const PORTS_MAX = 32_768 - 1024 + 65_536 - 61_000;
const FLOWS = 40_000;
const FAMILIES = ["ipv4", "ipv6"] as const;

describe("full NAT", () => {
  test("gives each connection of a server's port another port, until none is found", { timeout: 120_000 }, (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
    const stage = new Stage({ connectionsMax: 120_000 });
    t.after(() => stage.close());
    stage.inside(() => {
      const held = service("ipv4", [server("ipv4", "nat")], { protocol: "udp", fullNat: TUNNEL_SOURCES.ipv4 });
      stage.plane.apply({ kind: "add-service", service: held });
      stage.settle();
      const payload = packet(request("ipv4", { protocol: "udp", udpChecksum: false, payload: new Uint8Array(4) }));
      const frame = encodeEthernet({ destination: stage.macs.front, source: stage.macs.front, type: EtherType.IPV4, payload });
      const view = new DataView(frame.buffer, frame.byteOffset);
      const given = new Set<number>();
      let refused = 0;
      for (let flow = 0; flow < FLOWS; flow++) {
        // A thousand clients, each with its ports; the header's checksum is not looked at.
        view.setUint32(14 + 12, 0x64400000 + (flow % 1000));
        view.setUint16(14 + 20, 10_000 + Math.floor(flow / 1000));
        const { verdict, frame: out } = stage.run({ hook: "tc", side: "front", frame });
        if (verdict !== 7) {
          refused++;
          continue;
        }
        const port = new DataView(out.buffer, out.byteOffset).getUint16(14 + 20);
        assert.ok((port >= 1024 && port < 32_768) || port >= 61_000, `port ${port}`);
        assert.ok(!given.has(port), `port ${port} was given twice`);
        given.add(port);
        // Sixteen tries that all meet taken ports: one flow in 50 million while two thirds are free.
        if (flow === 12_000) assert.equal(refused, 0, "two thirds of all ports were free");
      }
      t.diagnostic(`${given.size} of ${PORTS_MAX} ports given, ${refused} of ${FLOWS} flows got none`);
      assert.equal(given.size + refused, FLOWS);
      assert.ok(given.size > 0.9 * PORTS_MAX && given.size <= PORTS_MAX, `${given.size} ports`);
      const { outcomes, servers } = stage.plane.counters();
      assert.equal(outcomes["DROP_NO_PORT"], BigInt(refused));
      assert.deepEqual(
        servers.map(({ active, inactive }) => [active, inactive]),
        [[0, given.size]],
      );
      assert.equal(census(stage).live, 2 * given.size);
    });
  });

  test("serves clients in the servers' own network, which plain NAT cannot, and others as before", { timeout: 120_000 }, async (t) => {
    if (!need(t, "root", "command:ip", "command:ethtool", "command:curl")) return;
    const lab = await up({ name: "fullnat", method: "nat", servers: 2, hook: "tc" });
    t.after(() => down(lab.name, { waitMs: 30_000 }));
    for (const family of FAMILIES) {
      await assert.rejects(curl(lab, "rs2", family), `plain NAT, ${family}: rs1 answers rs2 itself, which knows of no such connection`);
    }
    writeFileSync(directorFile(lab.name), configuration(lab).replace(/full_nat: "10\..*"/, 'full_nat: "10.0.0.77"'));
    await assert.rejects(runOnDirector(lab.name, ["apply", directorFile(lab.name)]), (error: EvenkeelError) => {
      assert.match(JSON.stringify(error.facts), /10\.0\.0\.77 is on no interface of this host/);
      return true;
    });
    writeFileSync(directorFile(lab.name), configuration(lab));
    await runOnDirector(lab.name, ["apply", directorFile(lab.name)]);
    for (const family of FAMILIES) {
      const answers: string[] = [];
      for (let i = 0; i < 10; i++) answers.push(await curl(lab, "rs2", family));
      const [first, ...others] = answers.map((answer) => JSON.parse(answer) as { server: string; client: string });
      assert.deepEqual(new Set([first, ...others].map((answer) => answer?.server)), new Set(["rs1", "rs2"]), family);
      assert.equal(first?.client, ADDRESSES.directorLan[family]);
      // 5 MB through it, and the ordinary client.
      assert.equal(await curl(lab, "rs2", family, "/bytes?n=5000000", ["-o", "/dev/null", "-w", "%{size_download}"]), "5000000");
      const found = await spread({ ...lab, family }, { requests: 60 });
      assert.ok(found.holds, `${family}: ${found.evidence}`);
    }
  });
});

function configuration({ hook, servers }: LabOptions): string {
  const services = FAMILIES.flatMap((family) => [
    `  - address: "${ADDRESSES.vip[family]}"`,
    `    port: ${PORTS.http}`,
    "    scheduler: rr",
    "    method: nat",
    `    full_nat: "${ADDRESSES.directorLan[family]}"`,
    `    servers: [${serverNames(servers)
      .map((name) => `{ address: "${serverAddress(name)[family]}", port: ${PORTS.http} }`)
      .join(", ")}]`,
  ]);
  return ["interfaces:", ...[FRONT, LAN].map((name) => `  - { name: ${name}, hook: ${hook} }`), "services:", ...services, ""].join("\n");
}

async function curl(lab: LabOptions, node: string, family: "ipv4" | "ipv6", path = "/", more: readonly string[] = []): Promise<string> {
  const host = family === "ipv6" ? `[${ADDRESSES.vip.ipv6}]` : ADDRESSES.vip.ipv4;
  const child = spawnInside(lab.name, namespaceOf(lab.name, node), ["curl", "-sS", "-m", "3", ...more, `http://${host}${path}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return finished(child, `curl on ${node}`);
}
