import assert from "node:assert/strict";
import { test } from "node:test";
import { anyFlow, anyOccasion, candidate, lots } from "./scheduler.contract.ts";
import { twos } from "./twos.ts";

test("twos takes the less loaded of the two it drew", () => {
  const servers = [candidate(1, { active: 9, total: 9 }), candidate(2, { active: 3, total: 3 })];
  const drawing = (...numbers: number[]) => twos.choose(servers, anyFlow, {}, { ...anyOccasion, chance: () => numbers.shift() ?? 0 });
  assert.equal(drawing(0, 0), 0);
  assert.equal(drawing(1, 2), 1);
  assert.equal(drawing(2, 1), 1);
});

test("twos draws lots from 0 to the sum of the weights, both included", () => {
  const asked: number[] = [];
  const chance = (below: number) => asked.push(below) - 1;
  twos.choose(
    [candidate(1, { weight: 5 }), candidate(2, { weight: 7 }), candidate(3, { overloaded: true })],
    anyFlow,
    {},
    { ...anyOccasion, chance },
  );
  assert.deepEqual(asked, [13, 13]);
});

test("twos serves idle servers in shares by weight", () => {
  const servers = [candidate(1, { weight: 100 }), candidate(2, { weight: 200 }), candidate(3, { weight: 700 })];
  const chance = lots(20260101);
  const counts = [0, 0, 0];
  const rounds = 20_000;
  for (let i = 0; i < rounds; i++) {
    const position = twos.choose(servers, anyFlow, {}, { ...anyOccasion, chance });
    if (position !== undefined) counts[position] = (counts[position] ?? 0) + 1;
  }
  // With nothing to compare, the first draw stands.
  for (const [i, expected] of [0.1, 0.2, 0.7].entries()) assert.ok(Math.abs((counts[i] ?? 0) / rounds - expected) < 0.02, counts.join(" "));
});
