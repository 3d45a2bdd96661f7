import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildDhTable, dh } from "./dh.ts";
import { buildMhTable, MH_TABLE_SIZE, mh } from "./mh.ts";
import { anyOccasion, candidate, someFlows } from "./scheduler.contract.ts";
import type { Candidate, Flow, Scheduler } from "./scheduler.ts";
import { buildShTable, sh } from "./sh.ts";

const withFallback = { ...anyOccasion, fallback: true };

function choice(scheduler: Scheduler, servers: readonly Candidate[], flow: Flow, occasion = anyOccasion): number | undefined {
  return scheduler.choose(servers, flow, scheduler.prepare(servers, 0), occasion);
}

function shares(table: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, position) => table.filter((place) => place === position).length);
}

test("sh fills its 256 buckets around the list, each server as many in a row as it weighs", () => {
  const table = buildShTable([candidate(1, { weight: 3 }), candidate(2, { weight: 0 }), candidate(3, { weight: 2 })]);
  assert.equal(table.length, 256);
  assert.deepEqual(table.slice(0, 8), [0, 0, 0, 1, 2, 2, 0, 0]);
});

test("dh gives each server one bucket after the other, whatever it weighs", () => {
  const table = buildDhTable([candidate(1, { weight: 3 }), candidate(2, { weight: 0 })]);
  assert.equal(table.length, 256);
  assert.deepEqual(table.slice(0, 4), [0, 1, 0, 1]);
});

test("mh fills its whole table, in shares by weight", () => {
  const table = buildMhTable([candidate(1, { weight: 1 }), candidate(2, { weight: 2 }), candidate(3, { weight: 5 })]);
  assert.equal(table.length, MH_TABLE_SIZE);
  for (const [i, share] of shares(table, 3).entries()) {
    const expected = (MH_TABLE_SIZE * ([1, 2, 5][i] ?? 0)) / 8;
    assert.ok(Math.abs(share - expected) < 10, `server ${i} has ${share} places instead of ${expected}`);
  }
});

test("mh moves few places when a server goes", () => {
  const servers = Array.from({ length: 10 }, (_, i) => candidate(i + 1));
  const before = buildMhTable(servers);
  const after = buildMhTable(servers.slice(0, 9));
  const moved = before.filter((position, place) => position !== 9 && position !== after[place]).length;
  assert.ok(moved < MH_TABLE_SIZE * 0.1, `${moved} places moved`);
});

test("mh leaves a quiesced server its places, and one that never had a weight none", () => {
  const quiesced = { ...candidate(2, { weight: 4 }), weight: 0 };
  const table = buildMhTable([candidate(1, { weight: 4 }), quiesced, candidate(3, { weight: 0 })]);
  const [one = 0, two = 0, three = 0] = shares(table, 3);
  assert.ok(one > 2000 && two > 2000 && three === 0);
  assert.deepEqual(buildMhTable([candidate(1, { weight: 0 })]), []);
});

test("sh and mh refuse the client of a server that cannot serve, and find it another with fallback", () => {
  for (const scheduler of [sh, mh]) {
    fc.assert(
      fc.property(someFlows, (flow) => {
        const servers = [candidate(1), candidate(2), candidate(3)];
        const position = choice(scheduler, servers, flow);
        assert.ok(position !== undefined);
        const without = servers.map((server, i) => (i === position ? { ...server, overloaded: true } : server));
        assert.equal(choice(scheduler, without, flow), undefined);
        const other = choice(scheduler, without, flow, withFallback);
        assert.ok(other !== undefined && other !== position);
        assert.equal(choice(scheduler, servers, flow, withFallback), position);
      }),
    );
  }
});

test("fallback finds nobody when nobody can serve", () => {
  const servers = [candidate(1, { overloaded: true }), candidate(2, { weight: 0 })];
  fc.assert(
    fc.property(someFlows, (flow) => {
      for (const scheduler of [sh, mh]) assert.equal(choice(scheduler, servers, flow, withFallback), undefined);
    }),
    { numRuns: 20 },
  );
});

test("sh and mh look at the client's port only when told to, dh never", () => {
  const servers = Array.from({ length: 50 }, (_, i) => candidate(i + 1));
  const usePort = { ...anyOccasion, usePort: true };
  fc.assert(
    fc.property(someFlows, (flow) => {
      const ports = Array.from({ length: 40 }, (_, i) => ({ ...flow, clientPort: 1024 + i }));
      const found = (scheduler: Scheduler, occasion: typeof usePort) => {
        const memory = scheduler.prepare(servers, 0);
        return new Set(ports.map((each) => scheduler.choose(servers, each, memory, occasion))).size;
      };
      for (const scheduler of [sh, mh]) {
        assert.equal(found(scheduler, anyOccasion), 1);
        assert.ok(found(scheduler, usePort) > 1);
      }
      assert.equal(found(dh, usePort), 1);
    }),
    { numRuns: 20 },
  );
});

test("dh sends every client of one destination to one server", () => {
  const servers = [candidate(1), candidate(2), candidate(3)];
  fc.assert(
    fc.property(someFlows, someFlows, (one, other) => {
      assert.equal(choice(dh, servers, one), choice(dh, servers, { ...other, destination: one.destination }));
    }),
  );
});
