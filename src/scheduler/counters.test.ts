import assert from "node:assert/strict";
import { test } from "node:test";
import { fo } from "./fo.ts";
import { lc } from "./lc.ts";
import { nq } from "./nq.ts";
import { ovf } from "./ovf.ts";
import { anyFlow, anyOccasion, candidate } from "./scheduler.contract.ts";
import type { Candidate, Scheduler } from "./scheduler.ts";
import { sed } from "./sed.ts";
import { wlc } from "./wlc.ts";

function choice(scheduler: Scheduler, servers: readonly Candidate[]): number | undefined {
  return scheduler.choose(servers, anyFlow, scheduler.prepare(servers, 0), anyOccasion);
}

for (const [name, scheduler] of Object.entries({ lc, wlc, sed, nq, fo })) {
  test(`${name} takes the first in the walk when all are equal`, () => {
    assert.equal(choice(scheduler, [candidate(3, { weight: 0 }), candidate(2), candidate(1)]), 1);
  });
}

test("an active connection counts as 256 inactive ones", () => {
  const busy = candidate(1, { active: 1, total: 1 });
  for (const scheduler of [lc, wlc]) {
    assert.equal(choice(scheduler, [busy, candidate(2, { total: 255 })]), 1);
    assert.equal(choice(scheduler, [busy, candidate(2, { total: 256 })]), 0);
    assert.equal(choice(scheduler, [busy, candidate(2, { total: 257 })]), 0);
  }
});

test("lc does not care how heavy a server is, wlc does", () => {
  const servers = [candidate(1, { weight: 1, total: 10 }), candidate(2, { weight: 100, total: 11 })];
  assert.equal(choice(lc, servers), 0);
  assert.equal(choice(wlc, servers), 1);
});

test("sed counts the connection to come, so that a heavy idle server goes before a light idle one", () => {
  assert.equal(choice(sed, [candidate(1, { weight: 1 }), candidate(2, { weight: 3 })]), 1);
  assert.equal(choice(sed, [candidate(1, { weight: 1 }), candidate(2, { weight: 3, active: 2, total: 2 })]), 0);
});

test("sed and nq do not see inactive connections", () => {
  const servers = [candidate(1, { total: 1000 }), candidate(2, { total: 0 })];
  assert.equal(choice(sed, servers), 0);
  assert.equal(choice(nq, servers), 0);
});

test("nq takes an idle server even when a heavier one would be sooner done", () => {
  const servers = [candidate(1, { weight: 100, active: 1, total: 1 }), candidate(2, { weight: 1 })];
  assert.equal(choice(sed, servers), 0);
  assert.equal(choice(nq, servers), 1);
});

test("fo stays with the heaviest that may serve", () => {
  const servers = [candidate(1, { weight: 3 }), candidate(2, { weight: 9, active: 1000, total: 1000 }), candidate(3, { weight: 5 })];
  assert.equal(choice(fo, servers), 1);
  assert.equal(
    choice(
      fo,
      servers.map((server) => ({ ...server, overloaded: server.weight === 9 })),
    ),
    2,
  );
});

test("ovf lets a server have one active connection more than its weight, then goes to the next heaviest", () => {
  const heaviest = (active: number) => [candidate(1, { weight: 1 }), candidate(2, { weight: 2, active, total: active })];
  assert.equal(choice(ovf, heaviest(2)), 1);
  assert.equal(choice(ovf, heaviest(3)), 0);
});

test("wlc chooses among 4096 servers in one walk", () => {
  const servers = Array.from({ length: 4096 }, (_, i) => candidate(i, { weight: (i % 7) + 1, active: i % 50, total: i % 90 }));
  choice(wlc, servers);
  const startedMs = performance.now();
  for (let i = 0; i < 100; i++) choice(wlc, servers);
  // Some 10 microseconds each; a list of another kind of cost would take seconds.
  assert.ok(performance.now() - startedMs < 500);
});

test("loads and weights beyond what doubles can multiply are compared exactly", () => {
  const weight = 2 ** 31 - 1;
  // 2^53 + 1 is no double: rounded, these two would be equal.
  const servers = [
    candidate(1, { weight, total: 2 ** 31 - 1 }),
    candidate(2, { weight: weight - 2, total: 2 ** 31 - 3 }),
    candidate(3, { weight: weight - 1, total: 2 ** 31 - 3 }),
  ];
  assert.equal(choice(wlc, servers), 2);
  assert.equal(choice(wlc, servers.slice(0, 2)), 0);
});
