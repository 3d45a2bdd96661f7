import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Connection } from "../../director/connection-reader.ts";
import { parseAddress } from "../../model/address.ts";
import type { ServerCounters, ServiceHead } from "../../model/plane.ts";
import type { RealServer } from "../../model/service.ts";
import { jsonConnections, jsonDaemons, jsonServices, jsonTimeouts } from "./json.ts";
import type { ListedService } from "./view.ts";

/** The examples of the document that promises these forms, by their headings. */
const PROMISED = new Map(
  [
    ...readFileSync(new URL("../../../docs/ipvsadm-json.md", import.meta.url), "utf8").matchAll(/^## `(.*?)`$.*?^```json\n(.*?)^```$/gms),
  ].map(([, heading = "", example = ""]) => [heading, JSON.parse(example) as unknown]),
);

const NOTHING = { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };
const STILL = { connections: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };

function listed(service: ServiceHead, servers: readonly RealServer[], facts: Partial<ServerCounters> = {}): ListedService {
  const idle = { service, active: 0, inactive: 0, persistent: 0, overloaded: false, ...NOTHING, rates: STILL };
  const { traffic, rates } = { traffic: { ...NOTHING, ...trafficOf(facts) }, rates: facts.rates ?? STILL };
  return { service, traffic, rates, servers: servers.map((server) => ({ ...idle, server, ...facts })) };
}

function trafficOf(facts: Partial<ServerCounters>): Partial<typeof NOTHING> {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => name in NOTHING));
}

test("services are as docs/ipvsadm-json.md promises", () => {
  const web = listed(
    { address: parseAddress("192.0.2.10"), port: 80, protocol: "tcp", scheduler: "sh", schedulerFlags: ["fallback", "port"] },
    [
      {
        address: parseAddress("10.0.0.11"),
        port: 8080,
        weight: 3,
        method: "tun",
        tunnel: { type: "gue", port: 6080, checksum: true },
        upperThreshold: 100,
        lowerThreshold: 50,
      },
    ],
    {
      active: 2,
      inactive: 1,
      connections: 3n,
      packetsIn: 2n ** 60n,
      bytesIn: 1500n,
      rates: { connections: 1, packetsIn: 2, bytesIn: 600, packetsOut: 0, bytesOut: 0 },
    },
  );
  const marked = listed(
    {
      address: parseAddress("::"),
      port: 0,
      protocol: "tcp",
      mark: 7,
      scheduler: "rr",
      persistence: { timeoutSeconds: 300, clientMask: parseAddress("ffff:ffff:ffff:ffff::") },
    },
    [],
  );
  assert.deepEqual(JSON.parse(jsonServices([marked, web])), PROMISED.get("ipvsadm -L -o json"));
});

test("a mask that is no prefix is shown as it is", () => {
  const service = listed(
    {
      address: parseAddress("192.0.2.10"),
      port: 80,
      protocol: "tcp",
      scheduler: "rr",
      persistence: { timeoutSeconds: 60, clientMask: parseAddress("255.0.255.0") },
    },
    [],
  );
  const { services } = JSON.parse(jsonServices([service])) as { services: { persistence: unknown }[] };
  assert.deepEqual(services[0]?.persistence, { timeout: 60, mask: "255.0.255.0" });
});

const one: Connection = {
  slot: 4711,
  generation: 3,
  protocol: "tcp",
  state: "ESTABLISHED",
  expiresMs: 899_940,
  client: { address: parseAddress("198.51.100.7"), port: 40001 },
  virtual: { address: parseAddress("192.0.2.10"), port: 80 },
  server: { address: parseAddress("10.0.0.11"), port: 8080 },
  serverNumber: 0,
  serviceNumber: 0,
  method: "nat",
  active: true,
  template: false,
  parent: undefined,
  children: 0,
  mark: undefined,
};

test("connections, timeouts and sync daemons are as it promises", () => {
  assert.deepEqual(JSON.parse([...jsonConnections([one])].join("")), PROMISED.get("ipvsadm -L -c -o json"));
  assert.deepEqual(JSON.parse(jsonTimeouts({ tcp: 900, tcpFin: 120, udp: 300 })), PROMISED.get("ipvsadm -L --timeout -o json"));
  const group = parseAddress("224.0.0.81");
  const daemon = { role: "master", interfaceName: "eth1", syncId: 7, maxLength: 1472, group, port: 8848, ttl: 1 } as const;
  assert.deepEqual(JSON.parse(jsonDaemons([daemon])), PROMISED.get("ipvsadm -L --daemon -o json"));
});

test("connections are a document of a line each, none too", () => {
  assert.deepEqual([...jsonConnections([])].join(""), '{"connections":[\n]}\n');
  assert.equal([...jsonConnections([one, one])].join("").split("\n").length, 5);
});
