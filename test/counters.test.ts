/** What is counted for whom: counters begin anew when they are reset, and outlive the deletion of a server that comes back. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import type { VirtualService } from "../src/model/service.ts";
import { EtherType, encodeEthernet } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { ACK, request, SYN, server, service } from "./packet-rows/cast.ts";
import { packet } from "./packet-rows/packets.ts";
import { Stage } from "./packet-rows/stage.ts";

const PACKET_BYTES = packet(request("ipv4")).length;
const web = service("ipv4", [server("ipv4", "nat")]);
const { servers: _servers, ...head } = web;

function onStage(t: TestContext, work: (stage: Stage) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const stage = new Stage({ connectionsMax: 1000 });
  try {
    stage.inside(() => {
      hold(stage, web);
      work(stage);
    });
  } finally {
    stage.close();
  }
}

function hold(stage: Stage, held: VirtualService): void {
  stage.plane.apply({ kind: "add-service", service: held });
  stage.settle();
}

function send(stage: Stage, sourcePort: number, flags: number): void {
  const payload = packet(request("ipv4", { sourcePort, flags }));
  const ends = { destination: stage.macs.front, source: Uint8Array.of(2, 0, 0, 0, 0x0c, 7), type: EtherType.IPV4 };
  stage.run({ hook: "tc", side: "front", frame: encodeEthernet({ ...ends, payload }) });
}

/** Of the service and of its server: connections, packets and bytes in. */
function counted(stage: Stage): { readonly service: readonly bigint[]; readonly server: readonly bigint[] } {
  const { services, servers } = stage.plane.counters();
  const of = (all: typeof services) => all.flatMap((each) => [each.connections, each.packetsIn, each.bytesIn]);
  return { service: of(services), server: of(servers) };
}

const times = (connections: number, packets: number) => [BigInt(connections), BigInt(packets), BigInt(packets * PACKET_BYTES)];

test("counters that were reset begin at 0, and connections go on", (t) =>
  onStage(t, (stage) => {
    send(stage, 1, SYN);
    send(stage, 2, SYN);
    assert.deepEqual(counted(stage), { service: times(2, 2), server: times(2, 2) });
    stage.plane.resetCounters(head);
    assert.deepEqual(counted(stage), { service: times(0, 0), server: times(0, 0) });
    assert.equal(stage.plane.counters().servers[0]?.active, 2);
    send(stage, 1, ACK);
    send(stage, 3, SYN);
    assert.deepEqual(counted(stage), { service: times(1, 2), server: times(1, 2) });
  }));

test("a service that is deleted and comes back finds its servers with their connections and counters", (t) =>
  onStage(t, (stage) => {
    send(stage, 1, SYN);
    stage.plane.apply({ kind: "delete-service", service: head });
    // A newcomer in between may not take its place.
    hold(stage, { ...web, port: 81 });
    send(stage, 1, ACK);
    hold(stage, web);
    send(stage, 1, ACK);
    const mine = stage.plane.counters().servers.find((each) => each.service.port === 80);
    assert.deepEqual([mine?.connections, mine?.packetsIn, mine?.active], [1n, 2n, 1]);
    assert.equal(stage.plane.counters().outcomes["DROP_SERVER_GONE"], 1n);
  }));

test("of servers that are added together the one that comes back finds its counters, and the others begin at 0", (t) =>
  onStage(t, (stage) => {
    send(stage, 1, SYN);
    stage.plane.apply({ kind: "delete-service", service: head });
    const before = server("ipv4", "nat");
    const ports = [before.port + 1, before.port, before.port + 2];
    hold(stage, { ...web, servers: ports.map((port) => ({ ...before, port })) });
    send(stage, 1, ACK);
    assert.deepEqual(
      stage.plane.counters().servers.map((each) => [each.server.port, each.connections, each.packetsIn, each.active]),
      ports.map((port) => (port === before.port ? [port, 1n, 2n, 1] : [port, 0n, 0n, 0])),
    );
  }));

test("a fresh process finds a deleted service's place too", (t) =>
  onStage(t, (stage) => {
    send(stage, 1, SYN);
    new BpfPlane(stage.path).apply({ kind: "delete-service", service: head });
    new BpfPlane(stage.path).tidy();
    new BpfPlane(stage.path).apply({ kind: "add-service", service: { ...web, port: 81 } });
    new BpfPlane(stage.path).apply({ kind: "add-service", service: web });
    const mine = new BpfPlane(stage.path).counters().servers.find((each) => each.service.port === 80);
    assert.deepEqual([mine?.connections, mine?.active], [1n, 1]);
  }));
