import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyFlow, candidate, choices, someServers } from "./scheduler.contract.ts";
import type { Candidate } from "./scheduler.ts";
import { type WrrMemory, wrr } from "./wrr.ts";

test("wrr begins at the weight that the first server left behind, then goes by sweeps", () => {
  const a = candidate(1, { weight: 3 });
  const b = candidate(2, { weight: 1 });
  let memory = wrr.changed(wrr.prepare([]), [], [a]);
  memory = wrr.changed(memory, [a], [b, a]);
  const names = choices(wrr, [b, a], memory, 9).map((position) => (position === 0 ? "B" : "A"));
  // As the original code does: the add of A alone left a current weight of 1.
  assert.equal(names.join(" "), "B A A A B A A A B");
});

test("wrr serves 3:2:1 exactly over each round", () => {
  const servers = [candidate(1, { weight: 3 }), candidate(2, { weight: 2 }), candidate(3, { weight: 1 })];
  const memory = wrr.prepare(servers);
  for (let round = 0; round < 5; round++) {
    assert.deepEqual(
      choices(wrr, servers, memory, 6).toSorted((one = -1, other = -1) => one - other),
      [0, 0, 0, 1, 1, 2],
    );
  }
});

test("wrr chooses nobody when every server is overloaded, and goes on when one recovers", () => {
  const servers = [candidate(1, { weight: 3 }), candidate(2, { weight: 2 })];
  const memory = wrr.prepare(servers);
  const overloaded = servers.map((server) => ({ ...server, overloaded: true }));
  assert.deepEqual(choices(wrr, overloaded, memory, 2), [undefined, undefined]);
  assert.notEqual(wrr.choose(servers, anyFlow, memory), undefined);
});

test("wrr steps over sweeps that find nobody, and ends where walking them one by one would end", () => {
  const light = fc.array(fc.record({ weight: fc.nat({ max: 40 }), overloaded: fc.boolean() }), { minLength: 1, maxLength: 6 });
  const small = light.map((all) => all.map((each, i) => candidate(i + 1, each)));
  fc.assert(
    fc.property(fc.oneof(small, someServers), fc.nat({ max: 6 }), fc.integer({ min: 1, max: 40 }), (servers, position, weight) => {
      const begin = wrr.prepare(servers);
      // Any state a change of overload flags may find: the current weight is a step of the divisor.
      const { weightMax, weightDivisor } = begin;
      const currentWeight = weightMax === 0 ? 0 : (((weight - 1) * weightDivisor) % weightMax) + 1;
      const quick: WrrMemory = { ...begin, position: Math.min(position, servers.length), currentWeight };
      const plain: WrrMemory = { ...quick };
      for (let i = 0; i < 4; i++) {
        assert.equal(wrr.choose(servers, anyFlow, quick), everySweep(servers, plain));
        assert.deepEqual(quick, plain);
      }
    }),
    { numRuns: 300 },
  );
});

test("wrr answers at once for the greatest weights, all overloaded but a light one", () => {
  const servers = [candidate(1, { weight: 65535, overloaded: true }), candidate(2, { weight: 1 })];
  const startedMs = performance.now();
  const memory = wrr.prepare(servers);
  for (let i = 0; i < 1000; i++) assert.equal(wrr.choose(servers, anyFlow, memory), 1);
  assert.ok(performance.now() - startedMs < 1000);
});

/** The rule as it is told, one element and one sweep after the other. */
function everySweep(servers: readonly Candidate[], memory: WrrMemory): number | undefined {
  if (memory.weightMax === 0) return undefined;
  const start = memory.position;
  let at = start;
  let restarted = false;
  let lastSweep = false;
  let stop = -1;
  for (;;) {
    while (at < servers.length) {
      const server = servers[at++];
      if (server !== undefined && !server.overloaded && server.weight >= memory.currentWeight) {
        memory.position = at;
        return at - 1;
      }
      if (at === stop) {
        memory.position = at;
        return undefined;
      }
    }
    at = 0;
    memory.currentWeight -= memory.weightDivisor;
    if (memory.currentWeight <= 0) {
      memory.currentWeight = memory.weightMax;
      if (lastSweep || start === 0) {
        memory.position = 0;
        return undefined;
      }
      restarted = true;
    }
    lastSweep = memory.currentWeight <= memory.weightDivisor;
    if (lastSweep && restarted) stop = start;
  }
}
