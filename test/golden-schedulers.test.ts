/** The schedulers, in TypeScript and in the kernel, against recordings of IPVS's own code: not one decision may differ. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { withKernelEngines } from "../src/director/replay/kernel-engines.ts";
import { KernelSchedulerEngine } from "../src/director/replay/kernel-scheduler-engine.ts";
import { parseAddress } from "../src/model/address.ts";
import { SCHEDULERS, type SchedulerName } from "../src/model/service.ts";
import { replayRecording } from "../src/scheduler/recording/replay-recording.ts";
import { type ReplayEngine, replay, type ServerId } from "../src/scheduler/replay.ts";
import { SchedulerEngine } from "../src/scheduler/replay-engine.ts";
import type { Flow } from "../src/scheduler/scheduler.ts";
import { need } from "./need.ts";

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`golden/ipvs/${name}.json`, import.meta.url), "utf8"));
}

function replayed(t: TestContext, scheduler: SchedulerName, engine: ReplayEngine): void {
  const { decisions, differences } = replay(recorded(`sched-${scheduler}`), engine);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.ok(decisions > 1000, `only ${decisions} decisions were replayed`);
  t.diagnostic(`${scheduler}: ${decisions} decisions, 0 differences`);
}

/** Gives an engine over a packet path that lasts for the call. */
function inKernel(t: TestContext, work: (engine: ReplayEngine) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  withKernelEngines("golden", ({ scheduler }) => work(scheduler()));
}

/** Of few clients and destinations, so that they come again. */
const flows = fc
  .record({ client: fc.nat(40), clientPort: fc.nat(3), destination: fc.nat(5), family: fc.constantFrom("ipv4" as const, "ipv6" as const) })
  .map(
    ({ client, clientPort, destination, family }): Flow => ({
      client: parseAddress(family === "ipv4" ? `198.51.100.${client}` : `2001:db8:${client}::7`),
      clientPort: 40_000 + clientPort,
      destination: parseAddress(family === "ipv4" ? `192.0.2.${destination}` : `2001:db8::${destination}`),
      destinationPort: 80,
    }),
  );

const ANY_FLOW: Flow = {
  client: parseAddress("198.51.100.7"),
  clientPort: 40_000,
  destination: parseAddress("192.0.2.1"),
  destinationPort: 80,
};

/** Two of the third are nearly the day after which lblc and lblcr forget; to the second they do not agree on its end. */
const SECONDS = [1, 3600, 43_000, 90_000] as const;

/** Overload and quiescence are more frequent than in the recordings, so that many walks end without a choice. */
function operations(servers: number) {
  const id = fc.nat(servers - 1);
  return fc.array(
    fc.oneof(
      { weight: 2, arbitrary: fc.record({ op: fc.constant("weight" as const), id, weight: fc.nat(6) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("overload" as const), id, overloaded: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("present" as const), id, weight: fc.nat(6) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("connections" as const), id, active: fc.nat(8), inactive: fc.nat(300) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("tick" as const), seconds: fc.constantFrom(...SECONDS) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("reopen" as const) }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant("pick" as const), flow: flows }) },
      { weight: 5, arbitrary: fc.record({ op: fc.constant("connect" as const), flow: flows }) },
    ),
    { minLength: 30, maxLength: 100 },
  );
}

interface Script {
  readonly flags: number;
  /** So many servers are there from the start. */
  readonly begin: number;
  readonly operations: typeof operations extends (servers: number) => fc.Arbitrary<infer T> ? T : never;
}

function scripts(begin: number, servers: number): fc.Arbitrary<Script> {
  return fc.record({ flags: fc.constantFrom(0, 8, 16, 24), begin: fc.constant(begin), operations: operations(servers) });
}

/** The decisions that an engine makes. */
function decisions(engine: ReplayEngine, scheduler: SchedulerName, script: Script): (ServerId | undefined)[] {
  engine.service(scheduler, script.flags, "ipv4");
  const present = new Map<ServerId, boolean>();
  const chosen: (ServerId | undefined)[] = [];
  const add = (id: ServerId, weight: number) => {
    engine.add(id, { address: parseAddress(`10.0.${id >> 8}.${id & 255}`), port: 80, weight });
    present.set(id, true);
  };
  for (let id = 0; id < script.begin; id++) add(id, (id % 5) + 1);
  for (const each of script.operations) {
    if (each.op === "pick") chosen.push(engine.pick(each.flow));
    else if (each.op === "connect") chosen.push(engine.connect(each.flow));
    else if (each.op === "tick") engine.tick(each.seconds);
    else if (each.op === "reopen") {
      if (engine instanceof KernelSchedulerEngine) engine.reopen();
    } else if (each.op === "present") {
      const before = present.get(each.id);
      if (before === undefined) add(each.id, each.weight);
      else if (before) engine.del(each.id);
      else engine.readd(each.id, each.weight);
      present.set(each.id, before !== true);
    } else if (present.has(each.id)) {
      if (each.op === "weight") engine.weight(each.id, each.weight);
      else if (each.op === "overload") engine.overload(each.id, each.overloaded);
      else engine.connections(each.id, each.active, each.inactive);
    }
  }
  return chosen;
}

function alike(engine: ReplayEngine, scheduler: SchedulerName, script: Script): void {
  assert.deepEqual(decisions(engine, scheduler, script), decisions(new SchedulerEngine(), scheduler, script));
}

/** Of one that draws lots there is no recording. */
for (const scheduler of SCHEDULERS.filter((name) => name !== "twos")) {
  test(`${scheduler} decides as IPVS did in every recorded decision`, (t) => replayed(t, scheduler, new SchedulerEngine()));

  test(`${scheduler} in the kernel decides as IPVS did in every recorded decision`, (t) =>
    inKernel(t, (engine) => replayed(t, scheduler, engine)));

  test(`${scheduler} in the kernel decides as in TypeScript, whatever is done to its servers`, (t) =>
    inKernel(t, (engine) =>
      fc.assert(
        fc.property(scripts(0, 5), (script) => alike(engine, scheduler, script)),
        { numRuns: 60 },
      ),
    ));
}

for (const scheduler of ["lc", "wlc", "sed", "nq", "fo", "ovf", "lblc", "lblcr"] as const) {
  test(`${scheduler} in the kernel decides as in TypeScript over a list that is cut in groups`, (t) =>
    inKernel(t, (engine) =>
      fc.assert(
        fc.property(scripts(150, 155), (script) => alike(engine, scheduler, script)),
        { numRuns: 5 },
      ),
    ));
}

for (const file of ["buckets-sh", "buckets-dh", "mh-picks"]) {
  test(`the kernel's tables are those of ${file}.json`, (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
    withKernelEngines("golden", (engines) => {
      const result = replayRecording(recorded(file), engines);
      assert.deepEqual(result?.differences.slice(0, 5), []);
      t.diagnostic(`${file}: ${result.decisions} decisions, 0 differences`);
    });
  });
}

test("twos in the kernel draws by weight, and takes the less loaded of the two it drew", (t) =>
  inKernel(t, (engine) => {
    const shares = (count: number) => {
      const chosen = Array.from({ length: count }, () => engine.pick(ANY_FLOW));
      return [1, 2, 3, 4].map((id) => chosen.filter((each) => each === id).length / count);
    };
    const near = (actual: readonly number[], expected: readonly number[]) => {
      for (const [i, share] of expected.entries())
        assert.ok(Math.abs((actual[i] ?? 0) - share) < 0.03, `${actual.join(" ")} is not ${expected.join(" ")}`);
    };
    engine.service("twos", 0, "ipv4");
    for (const [i, weight] of [10, 20, 0, 70].entries()) engine.add(i + 1, { address: parseAddress(`10.0.0.${i}`), port: 80, weight });
    // Idle: nothing to compare, so the first draw stands.
    near(shares(10_000), [0.1, 0.2, 0, 0.7]);
    // The heavy one is busy: it is taken only where both draws fell on it.
    engine.connections(4, 700, 0);
    near(shares(10_000), [0.17, 0.34, 0, 0.49]);
    // An overloaded one is out of the draw.
    engine.overload(4, true);
    near(shares(10_000), [1 / 3, 2 / 3, 0, 0]);
    engine.overload(1, true);
    near(shares(1000), [0, 1, 0, 0]);
    engine.overload(2, true);
    assert.equal(engine.pick(ANY_FLOW), undefined);
  }));
