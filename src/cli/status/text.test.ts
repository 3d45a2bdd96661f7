import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryPlane } from "../../director/memory-plane.ts";
import { statusJson } from "../../director/status-json.ts";
import { parseAddress } from "../../model/address.ts";
import { type Counters, DEFAULT_SETTINGS } from "../../model/plane.ts";
import type { RealServer, VirtualService } from "../../model/service.ts";
import { statusText } from "./text.ts";

const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: parseAddress(`10.0.0.${host}`),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});
const web: VirtualService = {
  address: parseAddress("192.0.2.1"),
  port: 80,
  protocol: "tcp",
  scheduler: "sh",
  schedulerFlags: ["port"],
  servers: [server(1, { upperThreshold: 1 }), server(2, { method: "tun", tunnel: { type: "gre" }, weight: 0 })],
};
const marked: VirtualService = {
  address: parseAddress("0.0.0.0"),
  port: 0,
  protocol: "tcp",
  mark: 7,
  scheduler: "wrr",
  persistence: { timeoutSeconds: 300, clientMask: parseAddress("255.255.255.0") },
  timeouts: { tcp: 60 },
  servers: [server(3, { port: 0 })],
};

function shown(services: readonly VirtualService[], options: { rate: boolean } = { rate: false }): string[] {
  const plane = new MemoryPlane();
  for (const service of services) plane.apply({ kind: "add-service", service });
  return statusText(plane.read(), plane.counters(), options).split("\n");
}

test("status shows a service, its servers, and no column that nobody needs", () => {
  assert.deepEqual(shown([{ ...web, servers: [server(1)], scheduler: "rr", schedulerFlags: [] }]), [
    "listens on no interface",
    "SERVICE / SERVER  SCHEDULER / METHOD  WEIGHT  ACTIVE  INACTIVE  CONNECTIONS  PACKETS IN  PACKETS OUT  BYTES IN  BYTES OUT",
    "tcp 192.0.2.1:80  rr                                                      0           0            0         0          0",
    "  10.0.0.1:80     nat                      1       0         0            0           0            0         0          0",
  ]);
});

test("status shows marks, flags, tunnels, thresholds and rules where there are any, and rates instead of sums", () => {
  assert.deepEqual(shown([web, marked], { rate: true }), [
    "listens on no interface",
    "SERVICE / SERVER  SCHEDULER / METHOD  WEIGHT  ACTIVE  INACTIVE  CONNECTIONS/S  PACKETS/S IN  PACKETS/S OUT  BYTES/S IN  BYTES/S OUT  THRESHOLDS  RULES",
    "mark 7 ipv4       wrr                                                       0             0              0           0            0              persistence 300 s, persistent clients by 255.255.255.0, timeouts tcp 60 s",
    "  10.0.0.3:0      nat                      1       0         0              0             0              0           0            0",
    "tcp 192.0.2.1:80  sh (port)                                                 0             0              0           0            0",
    "  10.0.0.1:80     nat                      1       0         0              0             0              0           0            0  1/1",
    "  10.0.0.2:80     tun (gre)                0       0         0              0             0              0           0            0",
  ]);
});

test("status says who is overloaded", () => {
  const plane = new MemoryPlane();
  plane.apply({ kind: "add-service", service: { ...web, scheduler: "rr" } });
  const client = parseAddress("198.51.100.1");
  plane.connect("tcp", { client, clientPort: 1, destination: web.address, destinationPort: 80 });
  assert.match(statusText(plane.read(), plane.counters(), { rate: false }), /10\.0\.0\.1:80 .* 1\/1 overloaded$/m);
});

test("status shows settings that are not as usual, mark rules with their counts, and what became of other packets", () => {
  const counters: Counters = {
    services: [],
    servers: [],
    marks: [{ rule: { mark: 7, protocol: "tcp", ports: { first: 80, last: 80 } }, packets: 12n }],
    outcomes: { DROP_NO_SERVER: 3n, PASS_NO_SERVICE: 0n },
  };
  const state = {
    services: [],
    settings: { ...DEFAULT_SETTINGS, expireNodest: true },
    attachments: [{ interfaceName: "eth0", hook: "tc" as const }],
  };
  const lines = statusText(state, counters, { rate: false }).split("\n");
  assert.deepEqual(lines.slice(0, 2), ["listens on eth0 (tc)", "settings: expire_nodest_conn 1"]);
  assert.deepEqual(lines.slice(3), [
    "mark rules, the first that holds counts:",
    "  mark 7: tcp port 80: 12 packets",
    "packets that were not simply sent on:",
    "  DROP_NO_SERVER  3  dropped: no server could take the connection",
  ]);
});

test("status tells programs the same in JSON", () => {
  const plane = new MemoryPlane();
  for (const service of [web, marked]) plane.apply({ kind: "add-service", service });
  const { services } = JSON.parse(JSON.stringify(statusJson(plane.read(), plane.counters()))) as { services: Record<string, unknown>[] };
  const zero = { connections: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
  const idle = { active: 0, inactive: 0, persistent: 0, ...zero, rates: zero };
  assert.deepEqual(services[1], {
    mark: 7,
    family: "ipv4",
    scheduler: "wrr",
    persistence: { timeout: 300, prefixLength: 24 },
    timeouts: { tcp: 60 },
    ...zero,
    rates: zero,
    servers: [{ address: "10.0.0.3", port: 0, method: "nat", weight: 1, ...idle }],
  });
  assert.deepEqual(services[0]?.["servers"], [
    { address: "10.0.0.1", port: 80, method: "nat", weight: 1, upperThreshold: 1, lowerThreshold: 1, overloaded: false, ...idle },
    { address: "10.0.0.2", port: 80, method: "tun", tunnel: { type: "gre" }, weight: 0, ...idle },
  ]);
});

test("takes time by the number of services, not by its square", () => {
  const spent = (count: number): number => {
    const services = Array.from({ length: count }, (_, i) => ({ ...web, port: i + 1, servers: [server(1)] }));
    const plane = new MemoryPlane();
    for (const service of services) plane.apply({ kind: "add-service", service });
    const [state, counters] = [plane.read(), plane.counters()];
    const before = process.cpuUsage();
    statusText(state, counters, { rate: false });
    statusJson(state, counters);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  spent(400);
  const ratio = spent(6400) / spent(400);
  assert.ok(ratio < 100, `16 times as many services took ${ratio.toFixed(0)} times as long`);
});

test("status says which sync daemons are wanted, and that they do nothing yet", () => {
  const plane = new MemoryPlane();
  const group = parseAddress("224.0.0.81");
  const daemon = { role: "master", interfaceName: "eth0", syncId: 7, maxLength: 1472, group, port: 8848, ttl: 1 } as const;
  plane.apply({ kind: "edit-sync-daemons", before: [], after: [daemon] });
  const [, line] = statusText(plane.read(), plane.counters(), { rate: false }).split("\n");
  assert.equal(line, "sync daemon wanted: master on eth0, sync id 7; connections are not synchronised yet");
  const json = JSON.parse(JSON.stringify(statusJson(plane.read(), plane.counters()))) as { readonly syncDaemons: unknown };
  assert.deepEqual(json.syncDaemons, [{ ...daemon, group: "224.0.0.81", running: false }]);
});
