/**
 * Schedulers that compare loads, over more servers than one group holds: what packets do to the loads has to be noted, so that
 * a choice by groups is the choice that a look at every server would make.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { SchedulerName, VirtualService } from "../src/model/service.ts";
import { schedulerOf } from "../src/scheduler/index.ts";
import { anyFlow, anyOccasion } from "../src/scheduler/scheduler.contract.ts";
import { idleCandidate } from "../src/scheduler/scheduler.ts";
import { LoadFlag } from "../src/wire/abi.ts";
import { ETHERNET_BYTES } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { ACK, FIN, RST, SYN, server } from "./packet-rows/cast.ts";
import { CROWD_SERVICES, crowd } from "./packet-rows/crowd.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import { Stage } from "./packet-rows/stage.ts";
import { randomFrom } from "./random.ts";

const SERVERS = 200;
const STEPS = 1500;
const REDIRECT = 7;
const IPV4_PROTOCOL = ETHERNET_BYTES + 9;
const TCP = 6;

/** The first of the crowd's services, IPv4 and TCP, with many servers: of few weights, so that there are many ties, and with low limits. */
function manyServers(scheduler: SchedulerName): VirtualService {
  const [first] = CROWD_SERVICES;
  assert.ok(first !== undefined);
  const servers = Array.from({ length: SERVERS }, (_, i) =>
    server("ipv4", "nat", { n: i + 1, weight: i % 4, upperThreshold: 3 + (i % 5), lowerThreshold: 2 }),
  );
  return { ...first, scheduler, servers };
}

/** A stage with that service, for one test. */
async function onStage(t: TestContext, scheduler: SchedulerName, work: (stage: Stage, list: List, seed: number) => void | Promise<void>) {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const stage = new Stage({ connectionsMax: 10_000 });
  try {
    const service = manyServers(scheduler);
    const list = stage.inside(() => {
      stage.plane.apply({ kind: "add-service", service });
      stage.settle();
      // Nothing may expire between the look at the loads and the packet.
      stage.setTimeouts((_, ticks) => ticks * 100);
      return new List(stage, service);
    });
    await work(stage, list, seed);
  } finally {
    stage.close();
  }
}

/** The service's list as it stands in the maps. */
class List {
  readonly #stage: Stage;
  readonly #service: VirtualService;
  /** Of the servers, in walk order. */
  readonly #numbers: readonly number[];
  readonly #plan: number;

  constructor(stage: Stage, service: VirtualService) {
    this.#stage = stage;
    this.#service = service;
    this.#plan = stage.plane.planOf(service);
    const plan = stage.path.maps.plans.lookup(this.#plan);
    assert.ok(plan !== undefined);
    assert.ok(plan.groupShift > 0);
    this.#numbers = Array.from({ length: SERVERS }, (_, i) => stage.path.candidates.read(plan.first + i).server);
  }

  /** Whom a look at all of them gives now: the last byte of its address. */
  best(): number | undefined {
    const walk = this.#service.servers.toReversed();
    const candidates = walk.map((each, i) => {
      const { active, total, flags } = this.#stage.path.serverLoad.read(this.#numbers[i] ?? 0);
      return { ...idleCandidate(each), active, total, overloaded: (flags & LoadFlag.OVERLOADED) !== 0 };
    });
    const position = schedulerOf(this.#service.scheduler).choose(candidates, anyFlow, {}, anyOccasion);
    return position === undefined ? undefined : walk[position]?.address.bytes[3];
  }

  /** Nothing is noted any more of what becomes of its servers. */
  forgetGroups(): void {
    const { serverLoad } = this.#stage.path;
    for (const number of this.#numbers) serverLoad.write(number, { ...serverLoad.read(number), group: 0 });
  }

  /** Whom the kernel would choose now. */
  chosen(): number | undefined {
    const number = this.#stage.path.choose(this.#plan);
    return number === undefined ? undefined : this.#stage.path.servers.read(number).address[3];
  }
}

for (const scheduler of ["lc", "wlc", "sed", "nq", "fo", "ovf"] as const) {
  test(`${scheduler} over ${SERVERS} servers chooses for each packet what a look at all of them would`, (t) =>
    onStage(t, scheduler, (stage, list, seed) => stage.inside(() => choosesAsAScanWould(t, stage, list, seed))));
}

for (const scheduler of ["lc", "wlc", "nq"] as const) {
  test(`${scheduler} remembers nothing wrong of its groups when two CPUs choose at once`, (t) =>
    onStage(t, scheduler, async (stage, list, seed) => {
      for (let round = 0; round < 12; round++) {
        for (const tcpFlags of [SYN, round % 2 === 0 ? FIN | ACK : RST]) {
          await sendTwice(stage, seed + round, { flows: 150, tcpFlags });
          assert.equal(list.chosen(), list.best(), `round ${round}`);
        }
      }
    }));
}

test("a list whose loads a process that died had already pointed to its next plan is chosen from rightly after the next change", (t) =>
  onStage(t, "wlc", (stage, list, seed) =>
    stage.inside(() => {
      list.chosen();
      list.forgetGroups();
      for (const n of [1, 2, 3])
        stage.run({ hook: "tc", side: "front", frame: crowd(seed, stage.macs.front).frame(n * CROWD_SERVICES.length, SYN) });
      assert.notEqual(list.chosen(), list.best());
      stage.settle();
      assert.equal(list.chosen(), list.best());
      choosesAsAScanWould(t, stage, list, seed + 1);
    }),
  ));

function choosesAsAScanWould(t: TestContext, stage: Stage, list: List, seed: number): void {
  const random = randomFrom(seed);
  const people = crowd(seed, stage.macs.front);
  const kinds = CROWD_SERVICES.length;
  const send = (flow: number, flags: number) => stage.run({ hook: "tc", side: "front", frame: people.frame(flow * kinds, flags) });
  let opened = 0;
  let refused = 0;
  for (let step = 0; step < STEPS; step++) {
    if (opened === 0 || random() < 0.5) {
      const choice = list.best();
      const { verdict, frame } = send(opened, SYN);
      // Who is refused is told so, which leaves as a packet too.
      const chosen = verdict === REDIRECT && frame[IPV4_PROTOCOL] === TCP ? people.serverOf(opened * kinds, frame) : undefined;
      assert.equal(chosen, choice, `connection ${opened}`);
      opened++;
      if (chosen === undefined) refused++;
    } else send(Math.floor(random() * opened), [ACK, ACK, FIN | ACK, RST][Math.floor(random() * 4)] ?? ACK);
  }
  t.diagnostic(`${opened} connections, ${refused} of them refused`);
  assert.ok(refused < opened / 2);
}
