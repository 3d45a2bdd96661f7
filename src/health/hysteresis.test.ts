import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type HysteresisConfig, type HysteresisEvent, type HysteresisState, hysteresis, isUncertain } from "./hysteresis.ts";

const rules = fc.record({
  rise: fc.integer({ min: 1, max: 5 }),
  fall: fc.integer({ min: 1, max: 5 }),
  initial: fc.constantFrom("up", "down", "unknown"),
}) satisfies fc.Arbitrary<HysteresisConfig>;
const outcomes = fc.array(fc.constantFrom<HysteresisEvent>("pass", "fail", "fail", "unable"), { maxLength: 60 });

describe("hysteresis.step()", () => {
  test("needs three failures in a row to fall", () => {
    const rule = { rise: 2, fall: 3, initial: "up" } as const;
    assert.deepEqual(conditions(rule, ["fail", "fail", "pass", "fail", "fail"]), ["up", "up", "up", "up", "up"]);
    assert.deepEqual(conditions(rule, ["fail", "fail", "fail", "pass", "pass"]), ["up", "up", "down", "down", "up"]);
  });
  test("takes the first verdict when nothing is known", () => {
    const rule = { rise: 3, fall: 3, initial: "unknown" } as const;
    assert.deepEqual(conditions(rule, ["pass"]), ["up"]);
    assert.deepEqual(conditions(rule, ["unable", "fail"]), ["unknown", "down"]);
  });
  test("moves only after enough verdicts in a row, not counting those that could not be made", () => {
    fc.assert(
      fc.property(rules, outcomes, (rule, script) => {
        let state: HysteresisState = hysteresis.start(rule);
        const said: HysteresisEvent[] = [];
        for (const outcome of script) {
          const before = state.condition;
          const { state: after, actions } = hysteresis.step(rule, state, outcome);
          if (outcome !== "unable") said.push(outcome);
          state = after;
          assert.equal(actions.length, before === after.condition ? 0 : 1);
          if (before === after.condition || before === "unknown") continue;
          const [needed, wanted] = after.condition === "up" ? [rule.rise, "pass"] : [rule.fall, "fail"];
          assert.deepEqual(said.slice(-needed), Array<unknown>(needed).fill(wanted));
        }
      }),
    );
  });
  test("moves as soon as there are enough", () => {
    fc.assert(
      fc.property(rules, outcomes, (rule, script) => {
        const state = after(rule, script);
        assert.equal(after(rule, [...script, ...Array<HysteresisEvent>(rule.fall).fill("fail")]).condition, "down");
        assert.equal(after(rule, [...script, ...Array<HysteresisEvent>(rule.rise).fill("pass")]).condition, "up");
        assert.ok(state.against < Math.max(rule.fall, rule.rise));
      }),
    );
  });
  test("is certain exactly while verdicts agree with it", () => {
    const rule = { rise: 2, fall: 2, initial: "unknown" } as const;
    const certain = (script: readonly HysteresisEvent[]) => !isUncertain(after(rule, script));
    assert.deepEqual(
      [[], ["pass"], ["pass", "fail"], ["pass", "fail", "pass"], ["pass", "fail", "fail"]].map((script) =>
        certain(script as HysteresisEvent[]),
      ),
      [false, true, false, true, true],
    );
  });
});

function after(rule: HysteresisConfig, script: readonly HysteresisEvent[]): HysteresisState {
  return script.reduce((state, outcome) => hysteresis.step(rule, state, outcome).state, hysteresis.start(rule) as HysteresisState);
}

function conditions(rule: HysteresisConfig, script: readonly HysteresisEvent[]): string[] {
  return script.map((_, i) => after(rule, script.slice(0, i + 1)).condition);
}
