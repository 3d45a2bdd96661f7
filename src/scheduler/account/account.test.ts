import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SCHEDULERS } from "../../model/service.ts";
import { buildDhTable } from "../dh.ts";
import { schedulerOf } from "../index.ts";
import { buildMhTable } from "../mh.ts";
import { anyFlow, anyOccasion, candidate, someFlows, someServers } from "../scheduler.contract.ts";
import type { Candidate } from "../scheduler.ts";
import { buildShTable } from "../sh.ts";
import { twos } from "../twos.ts";
import { type Account, allows, type Share, type Situation } from "./account.ts";
import { accountants } from "./index.ts";

function situation(servers: readonly Candidate[], facts: Partial<Situation> = {}): Situation {
  return {
    servers,
    flow: anyFlow,
    anyPort: false,
    fallback: false,
    usePort: false,
    cursor: { position: 0, currentWeight: 0 },
    table: [],
    locality: undefined,
    ...facts,
  };
}

/** The first of those with the least load for its weight, found another way than the schedulers do. */
function leastShare(shares: readonly (Share | undefined)[]): number | undefined {
  const order = shares
    .flatMap((share, i) => (share === undefined ? [] : [{ i, ...share }]))
    .toSorted((one, other) => one.load * other.weight - other.load * one.weight || one.i - other.i);
  return order[0]?.i;
}

/** What the numbers of an account alone say. */
function saidByNumbers(account: Account): number | undefined {
  switch (account.kind) {
    case "load":
      return leastShare(account.shares);
    case "walk":
      return account.chosen;
    case "hash": {
      const { owner, passedOver } = account;
      return owner !== undefined && passedOver[owner] === undefined ? owner : undefined;
    }
    case "locality":
      return account.asked === undefined ? undefined : leastShare(account.asked.shares);
    case "lots":
      return undefined;
  }
}

const TABLES = { sh: buildShTable, dh: buildDhTable, mh: buildMhTable } as const;

for (const scheduler of ["lc", "wlc", "sed", "nq", "fo", "ovf"] as const) {
  test(`the numbers of ${scheduler} say whom it chooses`, () => {
    fc.assert(
      fc.property(someServers, (servers) => {
        const account = accountants[scheduler](situation(servers));
        assert.equal(account.chosen, schedulerOf(scheduler).choose(servers, anyFlow, {}, anyOccasion));
        assert.equal(saidByNumbers(account), account.chosen);
      }),
    );
  });
}

for (const scheduler of ["sh", "dh", "mh"] as const) {
  test(`the bucket of ${scheduler} says whom it chooses, and with fallback the one that is tried instead`, () => {
    fc.assert(
      fc.property(someServers, someFlows, fc.boolean(), fc.boolean(), (servers, flow, fallback, usePort) => {
        const table = TABLES[scheduler](servers);
        const account = accountants[scheduler](situation(servers, { flow, table, fallback, usePort }));
        assert.ok(account.kind === "hash");
        assert.equal(account.chosen, schedulerOf(scheduler).choose(servers, flow, { table }, { ...anyOccasion, fallback, usePort }));
        const { fallback: found } = account;
        assert.equal(found === undefined ? saidByNumbers(account) : table[found.bucket], account.chosen);
        assert.equal(
          account.owned.reduce((sum, one) => sum + one, 0),
          table.length,
        );
      }),
      { numRuns: 60 },
    );
  });
}

test("a bucket that depends on the port is not said without it", () => {
  const servers = [candidate(1), candidate(2)];
  const account = accountants.sh(situation(servers, { table: buildShTable(servers), usePort: true, anyPort: true }));
  assert.ok(account.kind === "hash");
  assert.deepEqual([account.bucket, account.chosen, account.owned], [undefined, undefined, [128, 128]]);
  assert.ok(allows(account, 1));
});

describe("a walk", () => {
  test("begins behind the last choice, which comes last", () => {
    const servers = [candidate(1), candidate(2, { weight: 0 }), candidate(3)];
    const account = accountants.rr(situation(servers, { cursor: { position: 1, currentWeight: 0 } }));
    assert.ok(account.kind === "walk");
    assert.deepEqual([account.turns, account.chosen, account.after.position], [[3, 1, 2], 2, 3]);
  });

  test("of wrr shows how its current weight falls", () => {
    const servers = [candidate(1, { weight: 2 }), candidate(2, { weight: 4 })];
    const account = accountants.wrr(situation(servers, { cursor: { position: 2, currentWeight: 3 } }));
    assert.ok(account.kind === "walk");
    assert.deepEqual([account.weights, account.chosen], [{ greatest: 3, step: 2 }, 0]);
    assert.deepEqual([account.before.currentWeight, account.after.currentWeight], [3, 1]);
  });
});

describe("a destination's memory", () => {
  const day = 24 * 3600 * 1000;
  const memory = (servers: readonly Candidate[], facts: { idleMs?: number; unchangedMs?: number } = {}) => ({
    servers,
    idleMs: 0,
    unchangedMs: 0,
    expirationMs: day,
    ...facts,
  });
  const [one, two, three] = [candidate(1), candidate(2), candidate(3)];
  const remembers = (scheduler: "lblc" | "lblcr", servers: readonly Candidate[], locality: Situation["locality"]) => {
    const account = accountants[scheduler](situation(servers, { locality }));
    assert.ok(account.kind === "locality");
    return account;
  };

  test("is kept by lblc even where its server is overloaded", () => {
    const full = { ...two, overloaded: true };
    const { chosen, asked, remembered } = remembers("lblc", [one, full], memory([full]));
    assert.deepEqual([chosen, asked, remembered[0]?.passedOver], [1, undefined, undefined]);
  });

  for (const [why, servers, server] of [
    ["deleted", [one], two],
    ["quiesced", [one, { ...two, weight: 0 }], { ...two, weight: 0 }],
    ["crowded", [one, { ...two, active: 2, total: 2 }], { ...two, active: 2, total: 2 }],
  ] as const) {
    test(`is not kept where its server is ${why}`, () => {
      for (const scheduler of ["lblc", "lblcr"] as const) {
        const { chosen, asked, remembered } = remembers(scheduler, servers, memory([server]));
        assert.deepEqual([chosen, asked?.chosen, remembered[0]?.passedOver], [0, 0, why]);
      }
    });
  }

  test("is over when nobody has asked for a day", () => {
    for (const scheduler of ["lblc", "lblcr"] as const) {
      const kept = remembers(scheduler, [one, two], memory([two], { idleMs: day - 1 }));
      assert.deepEqual([kept.chosen, kept.expired], [1, false]);
      const lost = remembers(scheduler, [one, two], memory([two], { idleMs: day }));
      assert.deepEqual([lost.chosen, lost.expired, lost.remembered], [0, true, []]);
    }
  });

  test("of lblcr is a set, whose least loaded serves, and which loses its most loaded after a day without a newcomer", () => {
    const busy = { ...two, active: 1, total: 1 };
    const fresh = remembers("lblcr", [one, busy, three], memory([three, busy]));
    assert.deepEqual([fresh.chosen, fresh.dropped, fresh.asked], [2, undefined, undefined]);
    const old = remembers("lblcr", [one, busy, three], memory([three, busy], { unchangedMs: day + 1 }));
    assert.deepEqual([old.chosen, old.dropped], [2, busy]);
  });
});

describe("lots", () => {
  test("have the odds that all draws together give", () => {
    const small = fc.array(fc.record({ weight: fc.nat({ max: 4 }), active: fc.nat({ max: 3 }) }), { maxLength: 5 });
    fc.assert(
      fc.property(small, (facts) => {
        const servers = facts.map(({ weight, active }, i) => candidate(i + 1, { weight, active, total: active }));
        const sum = facts.reduce((all, { weight }) => all + weight, 0);
        const counts = servers.map(() => 0);
        for (let first = 0; first <= sum; first++) {
          for (let second = 0; second <= sum; second++) {
            const draws = [first, second];
            const chosen = twos.choose(servers, anyFlow, {}, { ...anyOccasion, chance: () => draws.shift() ?? 0 });
            if (chosen !== undefined) counts[chosen] = (counts[chosen] ?? 0) + 1;
          }
        }
        const account = accountants.twos(situation(servers));
        assert.ok(account.kind === "lots");
        for (const [i, count] of counts.entries()) {
          const exact = sum === 0 ? 0 : count / (sum + 1) ** 2;
          assert.ok(Math.abs((account.odds[i] ?? 0) - exact) < 1e-9, `${account.odds.join(" ")} and ${counts.join(" ")}`);
        }
      }),
    );
  });

  test("leave out who is overloaded, and are certain of the only one left", () => {
    const account = accountants.twos(situation([candidate(1, { overloaded: true }), candidate(2)]));
    assert.ok(account.kind === "lots");
    assert.ok(Math.abs((account.odds[1] ?? 0) - 1) < 1e-9);
    assert.deepEqual([account.odds[0], allows(account, 0), allows(account, 1)], [0, false, true]);
  });
});

test("nobody is chosen from an empty list, by any scheduler", () => {
  for (const scheduler of SCHEDULERS) {
    const account = accountants[scheduler](situation([]));
    assert.ok(allows(account, undefined), scheduler);
  }
});
