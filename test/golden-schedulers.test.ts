/** The schedulers, in TypeScript and in the kernel, against recordings of IPVS's own code: not one decision may differ. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import { PacketPath } from "../src/director/packet-path.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../src/kernel/namespace.ts";
import { parseAddress } from "../src/model/address.ts";
import { SCHEDULERS, type SchedulerName } from "../src/model/service.ts";
import { type ReplayEngine, replay, type ServerId } from "../src/scheduler/replay.ts";
import { SchedulerEngine } from "../src/scheduler/replay-engine.ts";
import type { Flow } from "../src/scheduler/scheduler.ts";
import { KernelEngine } from "./kernel-engine.ts";
import { need } from "./need.ts";

function replayed(t: TestContext, scheduler: SchedulerName, engine: ReplayEngine): void {
  const text = readFileSync(new URL(`golden/ipvs/sched-${scheduler}.json`, import.meta.url), "utf8");
  const { decisions, differences } = replay(JSON.parse(text), engine);
  assert.deepEqual(differences.slice(0, 5), []);
  assert.ok(decisions > 1000, `only ${decisions} decisions were replayed`);
  t.diagnostic(`${scheduler}: ${decisions} decisions, 0 differences`);
}

/** Gives an engine over a packet path that lasts for the call. */
function inKernel(t: TestContext, work: (engine: ReplayEngine) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const name = `evenkeel-golden-${process.pid}`;
  const namespace = createNamespace(name);
  try {
    inNamespace(namespace, () => {
      const path = PacketPath.create({ connectionsMax: 1000 });
      try {
        work(new KernelEngine(path, new BpfPlane(path, { wayTo: () => undefined })));
      } finally {
        path.close();
        path.pins.remove();
      }
    });
  } finally {
    deleteNamespace(name);
  }
}

const FLOW: Flow = {
  client: parseAddress("198.51.100.7"),
  clientPort: 40_000,
  destination: parseAddress("192.0.2.1"),
  destinationPort: 80,
};

/** Operations on up to five servers; overload is more frequent than in the recordings, so that walks end without a choice. */
const operations = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ op: fc.constant("weight" as const), id: fc.nat(4), weight: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("overload" as const), id: fc.nat(4), overloaded: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("present" as const), id: fc.nat(4), weight: fc.nat(6) }) },
    { weight: 5, arbitrary: fc.record({ op: fc.constant("pick" as const) }) },
  ),
  { minLength: 30, maxLength: 80 },
);

type Operation = typeof operations extends fc.Arbitrary<(infer T)[]> ? T : never;

/** The decisions that an engine makes. */
function decisions(engine: ReplayEngine, scheduler: SchedulerName, all: readonly Operation[]): (ServerId | undefined)[] {
  engine.service(scheduler, 0, "ipv4");
  const present = new Map<ServerId, boolean>();
  const chosen: (ServerId | undefined)[] = [];
  for (const each of all) {
    if (each.op === "pick") chosen.push(engine.pick(FLOW));
    else if (each.op === "present") {
      const before = present.get(each.id);
      if (before === undefined) engine.add(each.id, { address: parseAddress(`10.0.0.${each.id}`), port: 80, weight: each.weight });
      else if (before) engine.del(each.id);
      else engine.readd(each.id, each.weight);
      present.set(each.id, before !== true);
    } else if (present.has(each.id)) {
      if (each.op === "weight") engine.weight(each.id, each.weight);
      else engine.overload(each.id, each.overloaded);
    }
  }
  return chosen;
}

for (const scheduler of SCHEDULERS) {
  test(`${scheduler} decides as IPVS did in every recorded decision`, (t) => replayed(t, scheduler, new SchedulerEngine()));

  test(`${scheduler} in the kernel decides as IPVS did in every recorded decision`, (t) =>
    inKernel(t, (engine) => replayed(t, scheduler, engine)));

  test(`${scheduler} in the kernel decides as in TypeScript, whatever is done to its servers`, (t) =>
    inKernel(t, (engine) => {
      const alike = (all: readonly Operation[]) =>
        assert.deepEqual(decisions(engine, scheduler, all), decisions(new SchedulerEngine(), scheduler, all));
      fc.assert(fc.property(operations, alike), { numRuns: 150 });
    }));
}
