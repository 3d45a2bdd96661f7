import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../model/address.ts";
import type { RealServer, VirtualService } from "../model/service.ts";
import { headOf } from "../reconcile/diff.ts";
import type { Flow } from "../scheduler/scheduler.ts";
import { dataPlaneContract } from "./data-plane.contract.ts";
import { MemoryPlane } from "./memory-plane.ts";

dataPlaneContract("MemoryPlane", () => ({ plane: new MemoryPlane(), interfaces: ["eth0", "eth1"] }));

const server = (host: number, weight: number): RealServer => ({ address: parseAddress(`10.0.0.${host}`), port: 80, weight, method: "nat" });
const service = (protocol: "tcp" | "udp" = "tcp"): VirtualService => ({
  address: parseAddress("192.0.2.1"),
  port: 80,
  protocol,
  scheduler: "wrr",
  servers: [server(1, 3), server(2, 2), server(3, 1)],
});
const flow = (clientPort: number): Flow => ({
  client: parseAddress("198.51.100.1"),
  clientPort,
  destination: parseAddress("192.0.2.1"),
  destinationPort: 80,
});

function planeWith(held: VirtualService): MemoryPlane {
  const plane = new MemoryPlane();
  plane.apply({ kind: "add-service", service: held });
  return plane;
}

test("MemoryPlane spreads 6000 connections 3:2:1", () => {
  const plane = planeWith(service());
  for (let port = 1; port <= 6000; port++) plane.connect("tcp", flow(port));
  assert.deepEqual(
    plane.counters().servers.map((each) => each.connections),
    [3000n, 2000n, 1000n],
  );
});

test("MemoryPlane keeps a flow with its server", () => {
  const plane = planeWith(service());
  assert.deepEqual(plane.connect("tcp", flow(1)), plane.connect("tcp", flow(1)));
  assert.equal(plane.counters().services[0]?.connections, 1n);
});

test("MemoryPlane counts TCP as active until it finishes, and UDP never", () => {
  for (const [protocol, active] of [
    ["tcp", 1],
    ["udp", 0],
  ] as const) {
    const plane = planeWith({ ...service(protocol), servers: [server(1, 1)] });
    const load = () => plane.counters().servers.map((each) => [each.active, each.inactive]);
    plane.connect(protocol, flow(1));
    assert.deepEqual(load(), [[active, 1 - active]]);
    plane.finish(protocol, flow(1));
    assert.deepEqual(load(), [[0, 1]]);
    plane.expire(protocol, flow(1));
    assert.deepEqual(load(), [[0, 0]]);
  }
});

test("MemoryPlane drops a flow whose server was deleted, and lets it go on when the server comes back", () => {
  const plane = planeWith({ ...service(), servers: [server(1, 1)] });
  plane.connect("tcp", flow(1));
  plane.apply({ kind: "delete-server", service: headOf(service()), server: server(1, 1) });
  assert.equal(plane.connect("tcp", flow(1)), undefined);
  plane.apply({ kind: "add-server", service: headOf(service()), server: server(1, 5) });
  assert.deepEqual(plane.connect("tcp", flow(1)), server(1, 5));
  assert.equal(plane.counters().servers[0]?.active, 1);
});

test("MemoryPlane gives a server no newcomers from its upper threshold on until it has fewer than the lower one", () => {
  const limited = { ...server(1, 1), upperThreshold: 4, lowerThreshold: 2 };
  const plane = planeWith({ ...service(), servers: [limited] });
  const taken = [1, 2, 3, 4, 5].map((port) => plane.connect("tcp", flow(port)) !== undefined);
  assert.deepEqual(taken, [true, true, true, true, false]);
  for (const port of [1, 2]) plane.expire("tcp", flow(port));
  assert.equal(plane.connect("tcp", flow(6)), undefined);
  plane.expire("tcp", flow(3));
  assert.deepEqual(plane.connect("tcp", flow(7)), limited);
  plane.apply({ kind: "edit-server", service: headOf(service()), before: limited, after: { ...limited, upperThreshold: 2 } });
  assert.equal(plane.counters().servers[0]?.overloaded, true);
});

test("MemoryPlane says what became of each flow", () => {
  const plane = planeWith({ ...service(), servers: [server(1, 0)] });
  plane.connect("tcp", flow(1));
  plane.connect("udp", flow(1));
  assert.deepEqual(plane.counters().outcomes, { DROP_NO_SERVER: 1n, PASS_NO_SERVICE: 1n });
});

test("MemoryPlane keeps its place in the walk when a service is edited but not its scheduler, and begins anew when that changes", () => {
  const alike = { ...service(), scheduler: "rr" as const, servers: [server(1, 1), server(2, 1), server(3, 1)] };
  const plane = planeWith(alike);
  assert.deepEqual(plane.connect("tcp", flow(1)), server(3, 1));
  plane.apply({ kind: "edit-service", before: headOf(alike), after: headOf(alike) });
  assert.deepEqual(plane.connect("tcp", flow(2)), server(2, 1));
  plane.apply({ kind: "edit-service", before: headOf(alike), after: headOf({ ...alike, scheduler: "wrr" }) });
  assert.deepEqual(plane.connect("tcp", flow(3)), server(3, 1));
});

test("MemoryPlane cuts the connections of one server, also after it was deleted, and the others stay", async () => {
  const held = service();
  const plane = planeWith(held);
  for (let port = 1; port <= 600; port++) plane.connect("tcp", flow(port));
  const cut = (one: RealServer, what: "all" | "templates") => plane.cutConnections({ service: held, server: one, what });
  assert.equal(await cut(server(1, 3), "templates"), 0);
  assert.equal(await cut(server(1, 3), "all"), 300);
  plane.apply({ kind: "delete-server", service: headOf(held), server: server(2, 2) });
  assert.equal(await cut(server(2, 2), "all"), 200);
  assert.equal(await cut(server(2, 2), "all"), 0);
  assert.deepEqual(
    plane.counters().servers.map(({ active, inactive }) => [active, inactive]),
    [
      [0, 0],
      [100, 0],
    ],
  );
});
