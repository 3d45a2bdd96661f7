/** The connection table under more flows than its groups hold: none is lost, none is counted twice, nothing is left in the end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Limits } from "../src/wire/abi.ts";
import { ACK, SYN } from "./packet-rows/cast.ts";
import { type Crowd, census } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import type { Stage } from "./packet-rows/stage.ts";

const REDIRECT = 7;
const DROP = 2;
const EMPTY = { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 };

/** The server that a flow's packet went to; 0: it was dropped. */
function send(stage: Stage, people: Crowd, flow: number, flags: number): number {
  const { verdict, frame } = stage.run({ hook: "tc", side: "front", frame: people.frame(flow, flags) });
  assert.ok(verdict === REDIRECT || verdict === DROP, `flow ${flow}: the verdict ${verdict}`);
  return verdict === REDIRECT ? people.serverOf(flow, frame) : 0;
}

/** A connection that nobody pushes out: established, where there is such a thing. */
function open(stage: Stage, people: Crowd, flow: number): number {
  const server = send(stage, people, flow, SYN);
  if (server !== 0) assert.equal(send(stage, people, flow, ACK), server, `the server of flow ${flow}`);
  return server;
}

/** What the servers' counters say in sum. */
function counted(stage: Stage): { connections: number; total: number; refused: number } {
  const { servers, outcomes } = stage.plane.counters();
  return {
    connections: Number(servers.reduce((sum, one) => sum + one.connections, 0n)),
    total: servers.reduce((sum, one) => sum + one.active + one.inactive, 0),
    refused: Number(outcomes["DROP_TABLE_FULL"] ?? 0n),
  };
}

/** A tick is 160 ms where the kernel's is 10. */
const A_FEW_TICKS_MS = 500;

/** Lets every connection that is touched while `work` runs be over at its end. */
function withShortLives(stage: Stage, work: () => void): void {
  const restore = stage.setTimeouts(() => 1);
  work();
  restore();
  pauseMs(A_FEW_TICKS_MS);
}

function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("200,000 flows are found again where they stand, also those whose group was full, and when they are over nothing is left", (t) =>
  onCrowdStage(t, { connectionsMax: 200_000 }, (stage, people) =>
    stage.inside(() => {
      const flows = 200_000;
      const chosen = new Uint8Array(flows);
      for (let flow = 0; flow < flows; flow++) chosen[flow] = send(stage, people, flow, SYN);
      const { moved, overflow, ...rest } = census(stage);
      assert.deepEqual(rest, { live: flows, busy: 0, wrongGroups: 0 });
      assert.ok(moved > 100 && overflow >= moved, `${moved} connections stand beyond their first group, ${overflow} are counted`);
      t.diagnostic(`${moved} of ${flows} stand beyond their first group`);
      assert.deepEqual(counted(stage), { connections: flows, total: flows, refused: 0 });
      // rr, over each service's three servers.
      for (const { connections } of stage.plane.counters().servers) {
        assert.ok(Math.abs(Number(connections) - flows / 12) < 1, `${connections} connections`);
      }

      withShortLives(stage, () => {
        for (let flow = 0; flow < flows; flow++) {
          const again = send(stage, people, flow, ACK);
          if (again !== chosen[flow]) assert.equal(again, chosen[flow], `the server of flow ${flow}`);
        }
      });
      assert.deepEqual(counted(stage), { connections: flows, total: 0, refused: 0 });
      assert.deepEqual(census(stage), EMPTY);
    }),
  ));

test("a full table refuses newcomers, counts them, and keeps everybody who is in", (t) =>
  onCrowdStage(t, { connectionsMax: 1 }, (stage, people) =>
    stage.inside(() => {
      const slots = stage.path.maps.connections.maxEntries * Limits.CONNECTION_GROUP_SLOTS;
      const flows = slots * 4;
      const chosen = Array.from({ length: flows }, (_, flow) => open(stage, people, flow));
      const refused = chosen.filter((server) => server === 0).length;
      const held = flows - refused;
      const full = census(stage);
      assert.deepEqual({ ...full, moved: 0, overflow: 0 }, { ...EMPTY, live: held });
      assert.equal(held, slots, "sixteen groups, of which each flow tries eight: four times as many flows fill them all");
      assert.deepEqual(counted(stage), { connections: held, total: held, refused });
      for (const [flow, server] of chosen.entries())
        if (server !== 0) assert.equal(send(stage, people, flow, ACK), server, `the server of flow ${flow}`);
      assert.deepEqual(census(stage), full);
    }),
  ));

test("newcomers take the places of connections that are over, without a sweep, and count them down", (t) =>
  onCrowdStage(t, { connectionsMax: 1 }, (stage, people) =>
    stage.inside(() => {
      const slots = stage.path.maps.connections.maxEntries * Limits.CONNECTION_GROUP_SLOTS;
      const fill = (from: number) =>
        Array.from({ length: slots * 4 }, (_, i) => open(stage, people, from + i)).filter((server) => server !== 0).length;
      withShortLives(stage, () => {
        // More than half of the slots, so that they are met again.
        for (let flow = 0; flow < slots; flow++) send(stage, people, flow, SYN);
      });
      assert.equal(fill(slots), slots);
      const loads = Array.from({ length: 12 }, (_, number) => stage.path.serverLoad.read(number).total);
      assert.equal(
        loads.reduce((sum, total) => sum + total, 0),
        slots,
        "the loads, before any sweep",
      );
      const { live, wrongGroups } = census(stage);
      assert.deepEqual({ live, wrongGroups }, { live: slots, wrongGroups: 0 });
      assert.equal(counted(stage).total, slots);
    }),
  ));

test("two CPUs that enter the same flows at the same time enter each once", (t) =>
  onCrowdStage(t, { connectionsMax: 20_000 }, async (stage, people, seed) => {
    const flows = 20_000;
    await sendTwice(stage, seed, { flows, tcpFlags: SYN });
    const after = census(stage);
    assert.deepEqual({ ...after, moved: 0, overflow: 0 }, { ...EMPTY, live: flows });
    stage.inside(() => {
      assert.deepEqual(counted(stage), { connections: flows, total: flows, refused: 0 });
      withShortLives(stage, () => {
        for (let flow = 0; flow < flows; flow++) send(stage, people, flow, ACK);
      });
      assert.deepEqual(counted(stage), { connections: flows, total: 0, refused: 0 });
      assert.deepEqual(census(stage), EMPTY);
    });
  }));

test("two CPUs that fill, refuse and take over at the same time lose count of nothing", (t) =>
  onCrowdStage(t, { connectionsMax: 1 }, async (stage, _, seed) => {
    const restore = stage.setTimeouts(() => 2);
    await sendTwice(stage, seed, { flows: 30_000, tcpFlags: SYN });
    restore();
    pauseMs(A_FEW_TICKS_MS);
    stage.inside(() => {
      const { total } = counted(stage);
      assert.equal(total, 0);
      assert.deepEqual(census(stage), EMPTY);
    });
  }));
