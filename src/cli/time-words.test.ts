/** Times and durations as people say them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeDuration, parseDuration } from "./time-words.ts";

test("parseDuration() knows milliseconds to days; a bare number is seconds", () => {
  for (const [text, ms] of [
    ["200ms", 200],
    ["60s", 60_000],
    ["1.5m", 90_000],
    ["1h", 3_600_000],
    ["2d", 172_800_000],
    ["30", 30_000],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
  for (const text of ["", "s", "-1s", "1w", "1 s", "1e3", "60S"])
    assert.throws(() => parseDuration(text), { name: "InvalidArgumentError" }, text);
});

test("describeDuration() says the two largest units", () => {
  for (const [ms, text] of [
    [0, "0 s"],
    [-5, "0 s"],
    [12_400, "12 s"],
    [60_000, "1 m"],
    [245_000, "4 m 5 s"],
    [86_400_000 + 59_000, "1 d"],
    [183_600_000, "2 d 3 h"],
  ] as const)
    assert.equal(describeDuration(ms), text);
});
