/** Cutting: what leads to one server ends before its time, counted exactly, and nothing of anybody else's. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseAddress } from "../src/model/address.ts";
import type { Cut } from "../src/model/plane.ts";
import type { RealServer, VirtualService } from "../src/model/service.ts";
import { headOf } from "../src/reconcile/diff.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { ACK, SYN } from "./packet-rows/cast.ts";
import { CROWD_SERVICES, type Crowd, census } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import type { Stage } from "./packet-rows/stage.ts";

const REDIRECT = 7;
const KINDS = CROWD_SERVICES.length;
const EMPTY = { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 };

/** TCP over IPv4. */
const FIRST = first(CROWD_SERVICES);
const SERVER = first(FIRST.servers);

function first<T>(list: readonly T[]): T {
  const [one] = list;
  assert.ok(one !== undefined);
  return one;
}

/** Flow n of the first service. */
const tcp = (n: number): number => n * KINDS;

/** Which server it went to; 0: it went to none. */
function send(stage: Stage, people: Crowd, flow: number, flags: number): number {
  return stage.inside(() => {
    const { verdict, frame } = stage.run({ hook: "tc", side: "front", frame: people.frame(flow, flags) });
    return verdict === REDIRECT ? people.serverOf(flow, frame) : 0;
  });
}

function cut(stage: Stage, what: Cut["what"], service: VirtualService = FIRST, server: RealServer = SERVER): Promise<number> {
  return stage.plane.cutConnections({ service: headOf(service), server, what });
}

interface Load {
  readonly connections: number;
  readonly templates: number;
}

/** Every server's, of all services, in the order of their numbers. */
function loads(stage: Stage): readonly Load[] {
  return CROWD_SERVICES.flatMap((service) => service.servers).map((_, number) => {
    const { total, persistent } = stage.path.serverLoad.read(number);
    return { connections: total, templates: persistent };
  });
}

function sum(all: readonly Load[]): number {
  return all.reduce((total, { connections, templates }) => total + connections + templates, 0);
}

/** The number that a server of the first service has. */
function numberOf(stage: Stage, server: RealServer): number {
  for (let number = 0; number < KINDS * 3; number++) {
    const one = stage.path.servers.read(number);
    if (one.service === 0 && one.address.every((byte, i) => byte === (server.address.bytes[i] ?? 0))) return number;
  }
  throw new Error("it has no number");
}

function persistent(timeoutSeconds: number): readonly VirtualService[] {
  return CROWD_SERVICES.map((service) => ({ ...service, persistence: { timeoutSeconds } }));
}

/** Of two servers with the same address (each service has its own) only the number tells whose a connection is. */
test("all connections of one server end at once, and nobody else's; its next packets find none", (t) =>
  onCrowdStage(t, { connectionsMax: 20_000 }, async (stage, people) => {
    const flows = 6000;
    const went = Array.from({ length: flows }, (_, flow) => {
      const to = send(stage, people, flow, SYN);
      return send(stage, people, flow, ACK) && to;
    });
    const number = numberOf(stage, SERVER);
    const before = loads(stage);
    const ours = went.filter((to, flow) => flow % KINDS === 0 && to === 1).length;
    assert.equal(before[number]?.connections, ours);
    assert.equal(await cut(stage, "templates"), 0, "it has none");
    assert.equal(await cut(stage, "all"), ours);
    assert.deepEqual(
      loads(stage),
      before.map((load, each) => (each === number ? { connections: 0, templates: 0 } : load)),
    );
    const { live, busy, wrongGroups } = census(stage);
    assert.deepEqual({ live, busy, wrongGroups }, { live: flows - ours, busy: 0, wrongGroups: 0 });
    for (let flow = 0; flow < flows; flow++) {
      const cutOff = flow % KINDS === 0 && went[flow] === 1;
      assert.equal(send(stage, people, flow, ACK), cutOff ? 0 : went[flow], `flow ${flow}`);
    }
    assert.equal(await cut(stage, "all"), 0, "a second time there is nothing");
  }));

test("the connections of a server that was deleted can be cut by its name", (t) =>
  onCrowdStage(t, { connectionsMax: 1000 }, async (stage, people) => {
    for (let n = 0; n < 30; n++) assert.ok(send(stage, people, tcp(n), SYN));
    stage.inside(() => {
      stage.plane.apply({ kind: "delete-server", service: headOf(FIRST), server: SERVER });
      stage.settle();
    });
    assert.equal(await cut(stage, "all"), 10);
    assert.equal(await cut(stage, "all"), 0);
    assert.equal(census(stage).live, 20);
    const [, second] = FIRST.servers;
    assert.ok(second !== undefined);
    stage.inside(() => {
      stage.plane.apply({ kind: "delete-service", service: headOf(FIRST) });
      stage.settle();
    });
    assert.equal(await cut(stage, "all", FIRST, second), 10, "nor has its service to be there");
    assert.equal(census(stage).live, 10);
  }));

test("what is past its time counts as ended already", (t) =>
  onCrowdStage(t, { connectionsMax: 1000, timer: false }, async (stage, people) => {
    for (let n = 0; n < 30; n++) assert.ok(send(stage, people, tcp(n), SYN));
    stage.inside(() => advanceSeconds(stage.path, 1000));
    assert.equal(await cut(stage, "all"), 0);
    assert.equal(loads(stage)[numberOf(stage, SERVER)]?.connections, 0, "but it is off the books");
  }));

test("templates alone: who is connected stays connected, and who comes again is scheduled anew", (t) =>
  onCrowdStage(t, { connectionsMax: 20_000, services: persistent(300), timer: false }, async (stage, people) => {
    const flows = 6000;
    const went = Array.from({ length: flows }, (_, flow) => {
      const to = send(stage, people, flow, SYN);
      return send(stage, people, flow, ACK) && to;
    });
    const number = numberOf(stage, SERVER);
    const before = loads(stage);
    const ours = before[number];
    assert.ok(ours !== undefined && ours.templates > 0 && ours.connections >= ours.templates);
    assert.equal(await cut(stage, "templates"), ours.templates);
    assert.equal(await cut(stage, "templates"), 0, "they lead connections and stay with them, but nobody finds them");
    assert.deepEqual(loads(stage), before);
    for (let flow = 0; flow < flows; flow++) assert.equal(send(stage, people, flow, ACK), went[flow], `flow ${flow}`);

    // Nobody new goes there from now on: the clients come back from other ports.
    stage.inside(() => {
      stage.plane.apply({ kind: "edit-server", service: headOf(FIRST), before: SERVER, after: { ...SERVER, weight: 0 } });
      stage.settle();
    });
    const again = (flow: number) => {
      const frame = people.frame(flow, SYN).slice();
      // Another source port of the same client.
      frame[14 + 20] = (frame[14 + 20] ?? 0) ^ 0x80;
      return stage.inside(() => stage.run({ hook: "tc", side: "front", frame }));
    };
    for (let flow = 0; flow < flows; flow += KINDS) {
      const { verdict, frame } = again(flow);
      assert.equal(verdict, REDIRECT);
      const to = people.serverOf(flow, frame);
      if (went[flow] === 1) assert.notEqual(to, 1, `flow ${flow} is led by its old template`);
      else assert.equal(to, went[flow], `flow ${flow} lost its template`);
    }
    assert.equal(loads(stage)[number]?.connections, ours.connections);

    // With their connections they go at once.
    assert.equal(await cut(stage, "all"), ours.connections);
    assert.deepEqual(loads(stage)[number], { connections: 0, templates: 0 });
    const { busy, wrongGroups } = census(stage);
    assert.deepEqual({ busy, wrongGroups }, { busy: 0, wrongGroups: 0 });
  }));

test("a hidden template ends a minute after its last connection", (t) =>
  onCrowdStage(t, { connectionsMax: 1000, services: persistent(300), timer: false }, async (stage, people) => {
    for (let n = 0; n < 30; n++) assert.ok(send(stage, people, tcp(n), SYN));
    const number = numberOf(stage, SERVER);
    const templates = loads(stage)[number]?.templates ?? 0;
    assert.ok(templates > 0);
    assert.equal(await cut(stage, "templates"), templates);
    stage.inside(() => {
      // The half-open connections' time, and then the template's minute.
      for (const seconds of [61, 61]) {
        advanceSeconds(stage.path, seconds);
        stage.path.sweep();
      }
    });
    assert.deepEqual(loads(stage)[number], { connections: 0, templates: 0 });
  }));

test("a connection of full NAT goes with its other entry, and counts once", (t) =>
  onCrowdStage(t, { connectionsMax: 20_000, services: fullNat() }, async (stage, people) => {
    const flows = 1000;
    for (let flow = 0; flow < flows; flow++) assert.ok(send(stage, people, flow, SYN));
    assert.equal(census(stage).live, 2 * flows);
    let ended = 0;
    for (const service of CROWD_SERVICES)
      for (const server of service.servers) {
        const here = await cut(stage, "all", service, server);
        ended += here;
        assert.equal(census(stage).live, 2 * (flows - ended));
      }
    assert.equal(ended, flows);
    assert.deepEqual(census(stage), EMPTY);
    assert.equal(sum(loads(stage)), 0);
  }));

function fullNat(): readonly VirtualService[] {
  const source = { ipv4: parseAddress("10.77.0.254"), ipv6: parseAddress("fd77::fe") };
  return CROWD_SERVICES.map((service) => ({ ...service, fullNat: source[service.address.family] }));
}

test("two CPUs make connections while a server's are cut again and again: everything is counted once", (t) =>
  underFire(t, persistent(300)));

test("so it is without persistence", (t) => underFire(t, CROWD_SERVICES));

test("and with two entries for each connection", (t) => underFire(t, fullNat(), 2));

/** `entries`: how many a connection has; one of them counts. */
function underFire(t: TestContext, services: readonly VirtualService[], entries = 1): Promise<void> {
  return onCrowdStage(t, { connectionsMax: 30_000, services, timer: false }, async (stage, _, seed) => {
    const flows = 30_000;
    let [ended, over] = [0, false];
    const cutting = (async () => {
      for (let round = 0; !over; round++) {
        for (const service of services) ended += await cut(stage, round % 2 ? "all" : "templates", service, first(service.servers));
      }
    })();
    await sendTwice(stage, seed, { flows, tcpFlags: SYN });
    over = true;
    await cutting;
    t.diagnostic(`${ended} ended`);
    assert.ok(ended > 0);
    const { live, busy, wrongGroups } = census(stage);
    assert.deepEqual({ busy, wrongGroups }, { busy: 0, wrongGroups: 0 });
    assert.equal(live, entries * sum(loads(stage)), "what the servers count is what stands");
    for (const service of services) for (const server of service.servers) await cut(stage, "all", service, server);
    assert.deepEqual(census(stage), EMPTY);
    assert.equal(sum(loads(stage)), 0);
  });
}
