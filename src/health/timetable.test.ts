import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { spreadPhase, type TimetableConfig, type TimetableState, timetable } from "./timetable.ts";

const everySecond: TimetableConfig = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 500, phase: 0.25, jitter: 0, seed: 1 };

const configs = fc.record({
  intervalMs: fc.integer({ min: 10, max: 5000 }),
  fastIntervalMs: fc.integer({ min: 10, max: 5000 }),
  timeoutMs: fc.integer({ min: 1, max: 12_000 }),
  phase: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  jitter: fc.double({ min: 0, max: 0.9, noNaN: true }),
  seed: fc.nat(),
}) satisfies fc.Arbitrary<TimetableConfig>;

/** How long each check takes, by its round; undefined: until it is given up, and some more. */
const lengths = fc.array(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 20_000 }), fc.constant(undefined)), { minLength: 1, maxLength: 20 });

interface Run {
  readonly starts: readonly number[];
  readonly atOnce: number;
  readonly longestMs: number;
}

describe("a timetable", () => {
  test("starts on its place of the grid, whenever it begins", () => {
    assert.deepEqual(run(everySecond, { fromMs: 0, untilMs: 3000, takes: () => 10 }).starts, [250, 1250, 2250]);
    assert.deepEqual(run(everySecond, { fromMs: 260, untilMs: 3000, takes: () => 10 }).starts, [1250, 2250]);
  });
  test("starts once in a place even if the check takes no time", () => {
    assert.deepEqual(run(everySecond, { fromMs: 0, untilMs: 3000, takes: () => 0 }).starts, [250, 1250, 2250]);
  });
  test("leaves out starts that find the last check under way", () => {
    const patient = { ...everySecond, timeoutMs: 5000 };
    assert.deepEqual(run(patient, { fromMs: 0, untilMs: 6000, takes: () => 2100 }).starts, [250, 3250]);
  });
  test("looks more often while uncertain, and goes back to its grid", () => {
    const uncertain = (nowMs: number) => nowMs > 1000 && nowMs < 2000;
    assert.deepEqual(
      run(everySecond, { fromMs: 0, untilMs: 4000, takes: () => 10, uncertain }).starts,
      [250, 1250, 1450, 1650, 1850, 2050, 2250, 3250],
    );
  });
  test("gives a check up at its deadline", () => {
    assert.equal(run(everySecond, { fromMs: 0, untilMs: 3000, takes: () => undefined }).longestMs, 500 + GIVING_UP_MS);
  });
  test("never has two checks under way, and lets none go on past its deadline", () => {
    fc.assert(
      fc.property(configs, lengths, fc.nat({ max: 100_000 }), fc.boolean(), (config, takes, fromMs, uncertain) => {
        const { atOnce, longestMs } = run(config, {
          fromMs,
          untilMs: fromMs + 40_000,
          takes: (round) => takes[round % takes.length],
          uncertain: () => uncertain,
        });
        assert.ok(atOnce <= 1);
        assert.ok(longestMs <= config.timeoutMs + GIVING_UP_MS + 1e-6);
      }),
    );
  });
  test("starts once in each interval, in its place, as long as checks are quick", () => {
    fc.assert(
      fc.property(configs, fc.nat({ max: 100_000 }), (config, fromMs) => {
        const rounds = 20;
        const { starts } = run(config, { fromMs, untilMs: fromMs + rounds * config.intervalMs, takes: () => 0 });
        assert.ok(Math.abs(starts.length - rounds) <= 1, `${starts.length} starts`);
        for (const [i, startMs] of starts.entries()) {
          const place = (startMs / config.intervalMs - config.phase + 1e-6) % 1;
          assert.ok(place <= config.jitter + 2e-6, `start ${i} is ${place} of an interval late`);
        }
      }),
    );
  });
});

describe("spreadPhase()", () => {
  test("leaves no gap wider than three times the even one, and none narrower than a third, however many there are", () => {
    for (const count of [2, 3, 5, 10, 77, 500, 10_000]) {
      const phases = Array.from({ length: count }, (_, i) => spreadPhase(i)).toSorted((one, other) => one - other);
      const gaps = phases.map((phase, i) => (i + 1 < count ? (phases[i + 1] ?? 0) : 1 + (phases[0] ?? 0)) - phase);
      assert.ok(
        Math.max(...gaps) * count <= 3 && Math.min(...gaps) * count >= 1 / 3,
        `${count}: ${Math.min(...gaps) * count} ${Math.max(...gaps) * count}`,
      );
    }
  });
});

const GIVING_UP_MS = 3;

/** A clock that jumps to the next thing that happens. */
function run(
  config: TimetableConfig,
  course: { fromMs: number; untilMs: number; takes: (round: number) => number | undefined; uncertain?: (nowMs: number) => boolean },
): Run {
  let nowMs = course.fromMs;
  let state: TimetableState = timetable.start(config, nowMs);
  const starts: number[] = [];
  let under: { endMs: number } | undefined;
  let atOnce = 0;
  let longestMs = 0;
  for (let steps = 0; nowMs <= course.untilMs; steps++) {
    assert.ok(steps < 100_000, "the clock stands still");
    const wakeMs = timetable.deadlineMs(state) ?? Number.POSITIVE_INFINITY;
    const event = under !== undefined && under.endMs <= wakeMs ? "ended" : "woken";
    nowMs = Math.max(nowMs, event === "ended" ? (under?.endMs ?? 0) : wakeMs);
    if (nowMs > course.untilMs) break;
    if (event === "ended") {
      state = timetable.step(config, state, { kind: "doubt", uncertain: course.uncertain?.(nowMs) ?? false }, nowMs).state;
      longestMs = Math.max(longestMs, nowMs - (starts.at(-1) ?? 0));
      under = undefined;
    }
    const { state: after, actions } = timetable.step(config, state, { kind: event }, nowMs);
    state = after;
    for (const { kind } of actions) {
      if (kind === "abandon") under = { endMs: nowMs + GIVING_UP_MS };
      else {
        atOnce = Math.max(atOnce, under === undefined ? 1 : 2);
        under = { endMs: nowMs + (course.takes(starts.length) ?? Number.POSITIVE_INFINITY) };
        starts.push(nowMs);
      }
    }
  }
  return { starts, atOnce, longestMs };
}
