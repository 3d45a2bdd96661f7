/** Plays one row on one hook: each packet through the program, each verdict, frame and counter compared with what the row says. */

import assert from "node:assert/strict";
import type { TrafficCounters } from "../../src/model/plane.ts";
import { type RealServer, serverName } from "../../src/model/service.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet, parseMac } from "../../src/wire/ethernet.ts";
import type { Bytes, Expectation, Left, PacketStep, Row } from "./row.ts";
import { CLIENTS, type Hook, type Stage } from "./stage.ts";

const VERDICTS = {
  tc: { pass: 0xffffffff, drop: 2, out: 7, back: 7 },
  // Out of another interface: XDP_REDIRECT; back where it came from: XDP_TX.
  xdp: { pass: 2, drop: 1, out: 4, back: 3 },
} as const;

/** Whoever sends: routers and servers alike; answers go back to it. */
const SENDER = parseMac("02:00:00:00:00:aa");

export function play(stage: Stage, row: Row, hook: Hook): void {
  stage.clear();
  for (const service of row.services) stage.plane.apply({ kind: "add-service", service });
  stage.settle();
  const ledger = new Ledger();
  for (const [i, step] of row.steps.entries()) {
    if ("perform" in step) step.perform(stage);
    else {
      const through = step.hook ?? hook;
      const expected = "kind" in step.expect ? step.expect : step.expect[through];
      arrive(stage, { hook: through, step, expected, where: `packet ${i + 1} (${expected.kind})` });
      ledger.enter(step, expected);
    }
  }
  const left = "tc" in row.left ? row.left[hook] : row.left;
  for (const server of row.gone ?? []) ledger.forget(server);
  ledger.compare(stage, left);
}

interface Scene {
  readonly hook: Hook;
  readonly step: PacketStep;
  readonly expected: Expectation;
  readonly where: string;
}

function arrive(stage: Stage, { hook, step, expected, where }: Scene): void {
  const side = step.arrives ?? "front";
  const frame = frameOf(step, step.send, { destination: step.frameTo ?? stage.macs[side], source: SENDER });
  const { verdict, frame: out } = stage.run({ hook, side, frame, ...(step.gso === undefined ? {} : { gso: step.gso }) });
  const verdicts = VERDICTS[hook];
  switch (expected.kind) {
    case "passed":
    case "delivered":
      assert.equal(verdict, verdicts.pass, `${where}: the verdict`);
      sameBytes(out, frame, where);
      break;
    case "dropped":
      assert.equal(verdict, verdicts.drop, `${where}: the verdict`);
      break;
    case "returned":
      assert.equal(verdict, verdicts.back, `${where}: the verdict`);
      sameBytes(out, frameOf({}, expected.as, { destination: stage.macs[side], source: SENDER }), where);
      break;
    case "answered":
      assert.equal(verdict, verdicts.back, `${where}: the verdict`);
      sameBytes(out, frameOf({}, expected.with, { destination: SENDER, source: stage.macs[side] }), where);
      break;
    case "forwarded":
    case "replied": {
      const to = expected.kind === "forwarded" ? stage.wayTo(expected.server.address) : stage.wayTo(CLIENTS.ipv4);
      assert.equal(verdict, to.side === side ? verdicts.back : verdicts.out, `${where}: the verdict`);
      // tc leaves the frame's addresses to the kernel's neighbour output, which comes after the program.
      const addresses =
        hook === "xdp" ? { destination: to.mac, source: stage.macs[to.side] } : { destination: stage.macs[side], source: SENDER };
      sameBytes(out, frameOf({ padding: step.padding ?? 0 }, bytesOf(expected.as, out), addresses), where);
    }
  }
}

function frameOf(
  step: Pick<PacketStep, "padding" | "etherType">,
  packet: Uint8Array,
  addresses: { readonly destination: Uint8Array; readonly source: Uint8Array },
): Uint8Array {
  const payload = new Uint8Array(packet.length + (step.padding ?? 0));
  payload.set(packet);
  const version = (packet[0] ?? 0) >> 4;
  return encodeEthernet({ ...addresses, type: step.etherType ?? (version === 6 ? EtherType.IPV6 : EtherType.IPV4), payload });
}

function bytesOf(bytes: Bytes, out: Uint8Array): Uint8Array {
  return typeof bytes === "function" ? bytes(out.subarray(ETHERNET_BYTES)) : bytes;
}

/** Sixteen bytes a line, so that a difference shows where it is. */
function sameBytes(actual: Uint8Array, expected: Uint8Array, where: string): void {
  assert.equal(dump(actual), dump(expected), `${where}: the frame`);
}

function dump(bytes: Uint8Array): string {
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) =>
    Buffer.from(bytes.subarray(16 * i, 16 * i + 16)).toString("hex"),
  );
  return lines.map((line, i) => `${(16 * i).toString(16).padStart(4, "0")}  ${line.replaceAll(/(..)/g, "$1 ").trim()}`).join("\n");
}

const NOTHING: TrafficCounters = { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };

/** What the steps say must have been counted. */
class Ledger {
  readonly #traffic = new Map<string, TrafficCounters>();
  readonly #outcomes = new Map<string, bigint>();

  enter(step: PacketStep, expected: Expectation): void {
    // Packets that were sent on show in the traffic of their service and server; outcomes name the others, and errors that were sent on.
    if (expected.outcome !== undefined) this.#outcomes.set(expected.outcome, (this.#outcomes.get(expected.outcome) ?? 0n) + 1n);
    if (!("server" in expected) || expected.server === undefined) return;
    const packets = BigInt(step.gso?.segments ?? 1);
    const bytes = BigInt(step.send.length);
    const before = this.#of(expected.server);
    this.#traffic.set(
      serverName(expected.server),
      expected.kind === "replied"
        ? { ...before, packetsOut: before.packetsOut + packets, bytesOut: before.bytesOut + bytes }
        : { ...before, packetsIn: before.packetsIn + packets, bytesIn: before.bytesIn + bytes },
    );
  }

  forget(server: RealServer): void {
    this.#traffic.delete(serverName(server));
  }

  compare(stage: Stage, left: readonly Left[]): void {
    const { services, servers, outcomes } = stage.plane.counters();
    const counted = Object.entries(outcomes).filter(([, count]) => count !== 0n);
    assert.deepEqual(new Map(counted), this.#outcomes, "outcomes");

    for (const { server, service: _, rates: _rates, ...actual } of servers) {
      const {
        connections = 0,
        active = 0,
        inactive = 0,
        persistent = 0,
        overloaded = false,
        local = false,
      } = left.find((one) => serverName(one.server) === serverName(server)) ?? {};
      assert.deepEqual(
        actual,
        { ...this.#of(server), connections: BigInt(connections), active, inactive, persistent, overloaded, ...(local ? { local } : {}) },
        `the counters of ${serverName(server)}`,
      );
    }
    // Servers that were deleted count no more themselves, but what they carried is the service's.
    const { packetsIn, bytesIn, packetsOut, bytesOut } = [...this.#traffic.values()].reduce(sum, NOTHING);
    const connections = BigInt(left.reduce((all, one) => all + one.connections, 0));
    const actual = services.reduce<TrafficCounters>(sum, NOTHING);
    assert.deepEqual(actual, { connections, packetsIn, bytesIn, packetsOut, bytesOut }, "the counters of all services");
  }

  #of(server: RealServer): TrafficCounters {
    return this.#traffic.get(serverName(server)) ?? NOTHING;
  }
}

function sum(one: TrafficCounters, other: TrafficCounters): TrafficCounters {
  return {
    connections: one.connections + other.connections,
    packetsIn: one.packetsIn + other.packetsIn,
    bytesIn: one.bytesIn + other.bytesIn,
    packetsOut: one.packetsOut + other.packetsOut,
    bytesOut: one.bytesOut + other.bytesOut,
  };
}
