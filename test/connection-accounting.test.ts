/** What stands on each server, exactly: thresholds, half-open connections, and what time does to them. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { jiffiesPerSecond } from "../src/kernel/clock.ts";
import { headOf } from "../src/reconcile/diff.ts";
import { connectionCodec, Life, Limits, LoadFlag, SettingsFlag, TcpState } from "../src/wire/abi.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { ACK, RST, SYN } from "./packet-rows/cast.ts";
import { CROWD_SERVICES, type Crowd, census } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import type { Stage } from "./packet-rows/stage.ts";

const REDIRECT = 7;
const KINDS = CROWD_SERVICES.length;
/** Flow n of the first service, which is TCP. */
const tcp = (n: number): number => n * KINDS;
/** And of the second, which is UDP. */
const udp = (n: number): number => n * KINDS + 1;

/** The same for work that is done at once. */
function inStage(t: TestContext, connectionsMax: number, work: (stage: Stage, people: Crowd) => void): Promise<void> {
  return onCrowdStage(t, { connectionsMax }, (stage, people) => stage.inside(() => work(stage, people)));
}

/** The first byte of an IPv4 destination: of a server, not of a client who is told that there is none. */
const DESTINATION = 14 + 16;
const SERVERS_NETWORK = 10;

/** Whether it was sent on. */
function send(stage: Stage, people: Crowd, flow: number, flags: number): boolean {
  const { verdict, frame } = stage.run({ hook: "tc", side: "front", frame: people.frame(flow, flags) });
  return verdict === REDIRECT && frame[DESTINATION] === SERVERS_NETWORK;
}

/** The servers of the first service. */
const SERVERS = [0, 1, 2] as const;

function loads(stage: Stage): readonly { readonly total: number; readonly overloaded: boolean }[] {
  return SERVERS.map((number) => {
    const { total, flags } = stage.path.serverLoad.read(number);
    return { total, overloaded: (flags & LoadFlag.OVERLOADED) !== 0 };
  });
}

/** Of every server the same. */
function each(total: number, overloaded: boolean): ReturnType<typeof loads> {
  return SERVERS.map(() => ({ total, overloaded }));
}

/** The flow is reset, its time passes, and it is swept. */
function end(stage: Stage, people: Crowd, ...flows: number[]): void {
  for (const flow of flows) assert.ok(send(stage, people, flow, RST));
  advanceSeconds(stage.path, 11);
  stage.path.sweep();
}

test("a server that reaches its upper threshold gets nothing new until it falls below the lower one", (t) =>
  inStage(t, 1000, (stage, people) => {
    for (const server of SERVERS) stage.path.setLimits(server, { upper: 4, lower: 0 });
    // Round robin: three flows are one for each server.
    for (let flow = 0; flow < 9; flow++) assert.ok(send(stage, people, tcp(flow), SYN) && send(stage, people, tcp(flow), ACK));
    assert.deepEqual(loads(stage), each(3, false));
    for (let flow = 9; flow < 12; flow++) assert.ok(send(stage, people, tcp(flow), SYN) && send(stage, people, tcp(flow), ACK));
    assert.deepEqual(loads(stage), each(4, true));
    assert.ok(!send(stage, people, tcp(12), SYN), "nobody takes a thirteenth");
    // Three quarters of four are three.
    end(stage, people, tcp(0), tcp(1), tcp(2));
    assert.deepEqual(loads(stage), each(3, true));
    assert.ok(!send(stage, people, tcp(12), SYN));
    end(stage, people, tcp(3), tcp(4), tcp(5));
    assert.deepEqual(loads(stage), each(2, false));
    assert.ok(send(stage, people, tcp(12), SYN));
  }));

test("new thresholds judge a server at once; between them it stays what it was", (t) =>
  inStage(t, 1000, (stage, people) => {
    for (let flow = 0; flow < 9; flow++) assert.ok(send(stage, people, tcp(flow), SYN));
    const set = (upper: number, lower: number) => {
      for (const server of SERVERS) stage.path.setLimits(server, { upper, lower });
      return loads(stage);
    };
    assert.deepEqual(set(4, 2), each(3, false));
    assert.deepEqual(set(3, 2), each(3, true));
    assert.deepEqual(set(5, 2), each(3, true));
    assert.deepEqual(set(5, 0), each(3, false), "below three quarters of five, rounded up");
    assert.deepEqual(set(1, 0), each(3, true));
    assert.deepEqual(set(0, 0), each(3, false));
  }));

/** How many connections of a group are half-open, at most. */
function mostHalfOpen(stage: Stage): number {
  const { view } = stage.path.maps.connections.map();
  const halfOpen = new Set<number>([TcpState.NONE, TcpState.SYN_RECV, TcpState.SYNACK]);
  let most = 0;
  for (let group = 0; group < view.byteLength; group += Limits.CONNECTION_GROUP_SLOTS * connectionCodec.size) {
    let count = 0;
    for (let slot = 0; slot < Limits.CONNECTION_GROUP_SLOTS; slot++) {
      const { life, protocol } = connectionCodec.decode(view, group + slot * connectionCodec.size);
      const low = Number(life & 0xffff_ffffn);
      if ((low & Life.PHASE_MASK) === Life.LIVE && protocol === 6 && halfOpen.has((low >>> Life.STATE_SHIFT) & 15)) count++;
    }
    most = Math.max(most, count);
  }
  return most;
}

test("a flood of SYNs pushes out itself: who is established stays, and newcomers get in", (t) =>
  inStage(t, 1, (stage, people) => {
    const slots = stage.path.maps.connections.maxEntries * Limits.CONNECTION_GROUP_SLOTS;
    const held = Array.from({ length: slots / 4 }, (_, n) => (n % 2 === 0 ? tcp(n) : udp(n)));
    for (const flow of held) assert.ok(send(stage, people, flow, SYN) && send(stage, people, flow, ACK));
    const [first, floods] = [slots, 20_000];
    const late: number[] = [];
    for (let n = 0; n < floods; n++) {
      assert.ok(send(stage, people, tcp(first + n), SYN), `SYN ${n}`);
      if (n % 1000 !== 999 || late.length >= slots / 8) continue;
      // Somebody who means it, and a datagram.
      for (const flow of [tcp(first + floods + n), udp(first + floods + n)]) {
        assert.ok(send(stage, people, flow, SYN) && send(stage, people, flow, ACK), `flow ${flow}`);
        late.push(flow);
      }
    }
    assert.ok(mostHalfOpen(stage) <= Limits.HALF_OPEN_PER_GROUP, "half-open connections do not fill a group");
    const { servers, outcomes } = stage.plane.counters();
    const { live, wrongGroups } = census(stage);
    assert.equal(wrongGroups, 0);
    assert.equal(
      servers.reduce((sum, { active, inactive }) => sum + active + inactive, 0),
      live,
    );
    assert.equal(Number(outcomes["HALF_OPEN_EVICTED"]), held.length + late.length + floods - live);
    for (const flow of [...held, ...late]) assert.ok(send(stage, people, flow, ACK), `flow ${flow} is known`);
    assert.equal(census(stage).live, live, "all of them were: nobody was made anew");

    advanceSeconds(stage.path, 1000);
    assert.equal(stage.path.sweep().live, 0);
    assert.deepEqual(census(stage), { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 });
    assert.ok(stage.plane.counters().servers.every(({ active, inactive }) => active + inactive === 0));
  }));

/** The seconds that every connection of these states has left, without repetition. */
function secondsLeft(stage: Stage): ReadonlySet<number> {
  const { nowTicks } = stage.path.sweep();
  const table = stage.path.maps.connections.map();
  const left = new Set<number>();
  for (let at = 0; at < table.view.byteLength; at += connectionCodec.size) {
    const { life } = connectionCodec.decode(table.view, at);
    if ((Number(life & 0xffff_ffffn) & Life.PHASE_MASK) !== Life.LIVE) continue;
    const ticks = Number(life >> 32n) - nowTicks;
    left.add(Math.floor((ticks * 2 ** Limits.TICK_SHIFT) / jiffiesPerSecond()));
  }
  table.close();
  return left;
}

test("a service's own timeouts are those of its connections, also when it is given others", (t) =>
  inStage(t, 1000, (stage, people) => {
    const service = CROWD_SERVICES[0];
    assert.ok(service !== undefined);
    for (const flow of [tcp(1), tcp(2)]) assert.ok(send(stage, people, flow, SYN) && send(stage, people, flow, ACK));
    assert.deepEqual(secondsLeft(stage), new Set([900]));
    const [before, after] = [headOf(service), headOf({ ...service, timeouts: { tcp: 77 } })];
    stage.plane.apply({ kind: "edit-service", before, after });
    stage.settle();
    assert.ok(send(stage, people, tcp(3), SYN) && send(stage, people, tcp(3), ACK));
    assert.deepEqual(secondsLeft(stage), new Set([900, 77]));
    assert.ok(send(stage, people, tcp(1), ACK), "one that was there before keeps its service's set of then");
    assert.deepEqual(secondsLeft(stage), new Set([900, 77]));
  }));

test("with expire_nodest_conn the sweep ends the connections of a server that is gone, and only those", (t) =>
  inStage(t, 1000, (stage, people) => {
    const service = CROWD_SERVICES[0];
    assert.ok(service !== undefined);
    const gone = service.servers[1];
    assert.ok(gone !== undefined);
    for (let flow = 0; flow < 30; flow++) assert.ok(send(stage, people, tcp(flow), SYN));
    stage.plane.apply({ kind: "delete-server", service: headOf(service), server: gone });
    stage.settle();
    assert.deepEqual(stage.path.sweep().live, 30, "it may come back, and they with it");
    const settings = stage.path.settings();
    stage.path.maps.settings.update(0, { ...settings, flags: settings.flags | SettingsFlag.EXPIRE_NODEST });
    const { live, expired } = stage.path.sweep();
    assert.deepEqual({ live, expired }, { live: 20, expired: 10 });
    assert.deepEqual(
      loads(stage)
        .map(({ total }) => total)
        .toSorted((one, other) => one - other),
      [0, 10, 10],
    );
    stage.path.maps.settings.update(0, settings);
  }));

test("two CPUs that fill servers to their thresholds and empty them leave nobody overloaded for ever", (t) =>
  onCrowdStage(t, { connectionsMax: 1000 }, async (stage, _, seed) => {
    const all = Array.from({ length: 12 }, (_each, number) => number);
    // All are over as soon as they are in, and a third CPU sweeps: both thresholds are crossed again and again.
    for (const server of all) stage.path.setLimits(server, { upper: 1 + (server % 3), lower: 1 });
    const restore = stage.setTimeouts(() => 0);
    for (let round = 0; round < 3; round++) {
      const sweeping = setInterval(() => stage.path.sweep(), 0);
      await sendTwice(stage, seed + round * 1_000_000, { flows: 20_000, tcpFlags: SYN });
      clearInterval(sweeping);
      stage.inside(() => {
        advanceSeconds(stage.path, 10);
        stage.path.sweep();
      });
      for (const server of all) {
        const { total, active, flags } = stage.path.serverLoad.read(server);
        assert.deepEqual({ total, active, flags }, { total: 0, active: 0, flags: 0 }, `server ${server}`);
      }
    }
    restore();
    const opened = stage.inside(() => stage.plane.counters()).servers.map(({ connections }) => Number(connections));
    assert.ok(
      opened.every((connections) => connections > 10),
      `connections: ${opened.join(" ")}`,
    );
  }));
