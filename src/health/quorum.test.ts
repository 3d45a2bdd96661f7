import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type QuorumState, quorum } from "./quorum.ts";

const rules = fc
  .integer({ min: 2, max: 50 })
  .chain((needed) => fc.record({ quorum: fc.constant(needed), hysteresis: fc.integer({ min: 1, max: needed - 1 }) }));

describe("quorum.step()", () => {
  test("first needs the quorum alone, then holds until weight is below the band, then needs to be above it", () => {
    const rule = { quorum: 10, hysteresis: 2 };
    assert.deepEqual(states(rule, [9, 10, 8, 7, 11, 12, 8]), ["starting", "up", "up", "lost", "lost", "up", "up"]);
  });
  test("never moves inside its band", () => {
    fc.assert(
      fc.property(rules, fc.array(fc.nat({ max: 100 })), fc.array(fc.nat(), { minLength: 1 }), (rule, before, inside) => {
        const band = inside.map((each) => rule.quorum - rule.hysteresis + (each % (2 * rule.hysteresis)));
        const all = states(rule, [rule.quorum, ...before, ...band]);
        const settled = all[before.length];
        for (const state of all.slice(before.length + 1)) assert.equal(state, settled);
      }),
    );
  });
  test("tells each gain and each loss once", () => {
    fc.assert(
      fc.property(rules, fc.array(fc.nat({ max: 100 })), (rule, weights) => {
        let state: QuorumState = quorum.start();
        const told: string[] = [];
        for (const weight of weights) {
          const step = quorum.step(rule, state, { weight });
          told.push(...step.actions.map(({ kind }) => kind));
          state = step.state;
        }
        for (const [i, kind] of told.entries()) assert.equal(kind, i % 2 === 0 ? "quorum-gained" : "quorum-lost");
      }),
    );
  });
});

function states(rule: { quorum: number; hysteresis: number }, weights: readonly number[]): QuorumState[] {
  let state: QuorumState = quorum.start();
  return weights.map((weight) => {
    state = quorum.step(rule, state, { weight }).state;
    return state;
  });
}
