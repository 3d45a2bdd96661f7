/** Persistence in the connection table: templates lead connections, live as long as these do, and are counted exactly. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseAddress } from "../src/model/address.ts";
import { type Connection, connectionCodec, Family, Life, Limits, TemplateState } from "../src/wire/abi.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { ACK, SYN } from "./packet-rows/cast.ts";
import { CROWD_SERVICES, type Crowd, census } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import type { Stage } from "./packet-rows/stage.ts";

const REDIRECT = 7;
const EMPTY = { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 };
const PORT_INVALID = 0xffff;

/** Some hundred networks of clients, each of which is one to a persistent service; and each client for itself. */
const NETWORKS = { ipv4: parseAddress("255.255.0.0"), ipv6: parseAddress("ffff:ffff:ffff:ffff:ffff:ffff:fc00:0") } as const;
const HOSTS = { ipv4: parseAddress("255.255.255.255"), ipv6: parseAddress("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") } as const;

interface Facts {
  readonly connectionsMax: number;
  readonly seconds: number;
  readonly masks: typeof NETWORKS | typeof HOSTS;
  readonly timer?: boolean;
}

interface Scene extends Facts {
  readonly stage: Stage;
  readonly people: Crowd;
  readonly seed: number;
}

function onStage(t: TestContext, facts: Facts, work: (scene: Scene) => void | Promise<void>): Promise<void> {
  const { connectionsMax, seconds, masks, timer = false } = facts;
  const services = CROWD_SERVICES.map((service) => ({
    ...service,
    persistence: { timeoutSeconds: seconds, clientMask: masks[service.address.family] },
  }));
  return onCrowdStage(t, { connectionsMax, timer, services }, (stage, people, seed) => work({ ...facts, stage, people, seed }));
}

/** Which server it was sent on to; 0: none. */
function send({ stage, people }: Scene, flow: number, flags: number): number {
  const { verdict, frame } = stage.run({ hook: "tc", side: "front", frame: people.frame(flow, flags) });
  return verdict === REDIRECT ? people.serverOf(flow, frame) : 0;
}

interface Entry extends Connection {
  /** Slot number + 1, as children name their parent. */
  readonly number: number;
  readonly template: boolean;
  readonly state: number;
}

/** Everything that is LIVE; and whether a slot that is not was left with a count of connections. */
function entries({ stage }: Scene): { readonly live: readonly Entry[]; readonly leftovers: number } {
  const table = stage.path.maps.connections.map();
  try {
    const live: Entry[] = [];
    let leftovers = 0;
    for (let slot = 0; slot < table.length * Limits.CONNECTION_GROUP_SLOTS; slot++) {
      const one = connectionCodec.decode(table.view, slot * connectionCodec.size);
      const low = Number(one.life & 0xffff_ffffn);
      if ((low & Life.PHASE_MASK) !== Life.LIVE) {
        if (one.partner !== 0) leftovers++;
        continue;
      }
      live.push({ ...one, number: slot + 1, template: (low & Life.TEMPLATE) !== 0, state: (low >>> Life.STATE_SHIFT) & 15 });
    }
    return { live, leftovers };
  } finally {
    table.close();
  }
}

/** The network of a client, at one service. */
function clientOf({ client, protocol, family, virtualPort }: Connection, { masks }: Facts): string {
  const mask = masks[(family & ~Family.TEMPLATE) === Family.IPV6 ? "ipv6" : "ipv4"].bytes;
  const network = client.map((byte, i) => byte & (mask[i] ?? 0));
  return `${family & ~Family.TEMPLATE}/${protocol}/${virtualPort}/${Buffer.from(network).toString("hex")}`;
}

/** What the table holds agrees with itself and with the servers' counters. */
function checked(scene: Scene): { readonly templates: readonly Entry[]; readonly children: readonly Entry[] } {
  const { live, leftovers } = entries(scene);
  assert.equal(leftovers, 0, "free slots that count connections");
  const templates = live.filter(({ template }) => template);
  const children = live.filter(({ template }) => !template);
  const byNumber = new Map(templates.map((one) => [one.number, one]));
  const led = new Map<number, number>();
  for (const child of children) {
    const template = byNumber.get(child.parent);
    assert.ok(template !== undefined, `connection ${child.number} is led by slot ${child.parent}, which holds no template`);
    assert.equal(clientOf(child, scene), clientOf(template, scene));
    assert.equal(child.server, template.server);
    led.set(child.parent, (led.get(child.parent) ?? 0) + 1);
  }
  for (const { number, partner } of templates) assert.equal(partner, led.get(number) ?? 0, `what template ${number} counts`);
  const found = templates.filter(({ clientPort }) => clientPort !== PORT_INVALID).map((one) => clientOf(one, scene));
  assert.equal(new Set(found).size, found.length, "one template a client can be found");
  for (let server = 0; server < 12; server++) {
    const { total, persistent } = scene.stage.path.serverLoad.read(server);
    assert.deepEqual(
      { total, persistent },
      {
        total: children.filter((one) => one.server === server).length,
        persistent: templates.filter((one) => one.server === server).length,
      },
      `server ${server}`,
    );
  }
  return { templates, children };
}

function nothingIsLeft(scene: Scene): void {
  assert.deepEqual(entries(scene), { live: [], leftovers: 0 });
  assert.deepEqual(census(scene.stage), EMPTY);
  checked(scene);
}

test("a template leads its client's connections to one server, outlives its time with them, and ends a minute later", (t) =>
  onStage(t, { connectionsMax: 20_000, seconds: 300, masks: NETWORKS }, (scene) =>
    scene.stage.inside(() => {
      const { path } = scene.stage;
      const flows = 4000;
      for (let flow = 0; flow < flows; flow++) {
        assert.ok(send(scene, flow, SYN));
        // Half of the TCP ones are established, and all of UDP is.
        if (flow % 8 < 4) assert.ok(send(scene, flow, ACK));
      }
      const first = checked(scene);
      assert.equal(first.children.length, flows);
      assert.ok(first.templates.length > 200 && first.templates.length < flows / 4, `${first.templates.length} templates`);
      const established = new Set(
        first.children.filter(({ state, protocol }) => protocol === 6 && state === 1).map(({ parent }) => parent),
      );
      for (const { number, state } of first.templates) {
        assert.equal(state, established.has(number) ? TemplateState.ASSURED : TemplateState.NONE, `the state of template ${number}`);
      }

      // Past the half-open ones' time; what is established or UDP stands for a while, and the templates (on a slow machine too).
      advanceSeconds(path, 270);
      path.sweep();
      const second = checked(scene);
      assert.ok(second.children.length > 0 && second.children.length < flows);
      assert.equal(second.templates.length, first.templates.length);
      // Those whose connections end when they do may be met before these.
      for (const seconds of [40, 61]) {
        advanceSeconds(path, seconds);
        path.sweep();
      }
      const third = checked(scene);
      assert.equal(third.templates.length, new Set(third.children.map(({ parent }) => parent)).size, "those without connections are gone");
      // A search gives a template past its time another minute too.
      advanceSeconds(path, 61);
      const late = Array.from({ length: 40 }, (_, i) => i).filter((flow) => flow % 8 === 0);
      for (const flow of late) assert.ok(send(scene, flow, ACK), "an established one");
      for (const flow of late) assert.equal(send(scene, flow + flows * 1024, SYN) > 0, true);
      checked(scene);
      advanceSeconds(path, 1000);
      path.sweep();
      const fourth = checked(scene);
      assert.equal(fourth.children.length, 0);
      advanceSeconds(path, 62);
      path.sweep();
      nothingIsLeft(scene);
    }),
  ));

test("a flood of SYNs at a persistent service leaves no templates in the way", (t) =>
  onStage(t, { connectionsMax: 1, seconds: 300, masks: NETWORKS }, (scene) =>
    scene.stage.inside(() => {
      const slots = scene.stage.path.maps.connections.maxEntries * Limits.CONNECTION_GROUP_SLOTS;
      const held = Array.from({ length: slots / 8 }, (_, i) => i * 4);
      for (const flow of held) assert.ok(send(scene, flow, SYN) && send(scene, flow, ACK));
      const known = checked(scene).children.length;
      assert.equal(known, held.length);
      for (let n = 0; n < 20_000; n++) assert.ok(send(scene, 100_000 + n * 4, SYN) > 0, `SYN ${n}`);
      // The flood's connections time out, its templates would not for long.
      advanceSeconds(scene.stage.path, 61);
      for (let n = 0; n < 5000; n++) assert.ok(send(scene, 1_000_000 + n * 4, SYN) > 0, `SYN ${n} of the second`);
      for (const flow of held) assert.ok(send(scene, flow, ACK) > 0, `flow ${flow}`);
      checked(scene);
      advanceSeconds(scene.stage.path, 2000);
      scene.stage.path.sweep();
      advanceSeconds(scene.stage.path, 62);
      scene.stage.path.sweep();
      nothingIsLeft(scene);
    }),
  ));

test("two CPUs that enter the same clients at the same time make one template each", (t) =>
  onStage(t, { connectionsMax: 50_000, seconds: 300, masks: HOSTS }, async (scene) => {
    const flows = 16_000;
    await sendTwice(scene.stage, scene.seed, { flows, tcpFlags: SYN });
    const { templates, children } = checked(scene);
    assert.equal(children.length, flows);
    t.diagnostic(
      `${templates.length} templates, of which ${templates.filter((one) => one.clientPort === PORT_INVALID).length} were doubles`,
    );
    scene.stage.inside(() => {
      advanceSeconds(scene.stage.path, 1000);
      scene.stage.path.sweep();
      advanceSeconds(scene.stage.path, 62);
      scene.stage.path.sweep();
    });
    nothingIsLeft(scene);
  }));

for (const timer of [false, true]) {
  test(`two CPUs that make, lead, evict and end in a table too small lose count of nothing${timer ? ", though the kernel sweeps meanwhile" : ""}`, (t) =>
    onStage(t, { connectionsMax: 1, seconds: 1, masks: HOSTS, timer }, async (scene) => {
      const restore = scene.stage.setTimeouts(() => 2);
      await sendTwice(scene.stage, scene.seed, { flows: 60_000, tcpFlags: SYN });
      restore();
      // The timer would change what is being compared.
      if (!timer) checked(scene);
      scene.stage.inside(() => {
        for (let i = 0; i < 3; i++) {
          advanceSeconds(scene.stage.path, 1000);
          scene.stage.path.sweep();
        }
      });
      nothingIsLeft(scene);
    }));
}
