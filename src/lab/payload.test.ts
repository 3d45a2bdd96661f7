import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { payload, Sum } from "./payload.ts";

const BYTES = 700_001;

describe("Sum.is()", () => {
  test("knows the payload whole, in whatever pieces it comes", () => {
    const whole = Buffer.concat([...payload(BYTES)]);
    assert.equal(whole.length, BYTES);
    assert.ok(sumOf([whole.subarray(0, 5), whole.subarray(5, 262_145), whole.subarray(262_145)]).is(BYTES));
  });

  test("notices a changed byte, a swapped piece, and one byte too few", () => {
    const changed = Buffer.concat([...payload(BYTES)]);
    changed[300_000] = (changed[300_000] ?? 0) ^ 1;
    assert.equal(sumOf([changed]).is(BYTES), false);
    const whole = Buffer.concat([...payload(BYTES)]);
    assert.equal(sumOf([whole.subarray(1448, 2896), whole.subarray(0, 1448), whole.subarray(2896)]).is(BYTES), false);
    assert.equal(sumOf([whole.subarray(1)]).is(BYTES), false);
  });
});

function sumOf(pieces: readonly Buffer[]): Sum {
  const sum = new Sum();
  for (const piece of pieces) sum.add(piece);
  return sum;
}
