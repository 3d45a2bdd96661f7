import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EvenkeelError } from "../model/error.ts";
import { Timeout } from "../wire/abi.ts";
import { commonTimeouts, ownTimeouts, placeTimeouts, seconds, ticks, timeoutTicks, withCommonTimeouts } from "./timeouts.ts";

const HZ = 250;
const SECONDS_MAX = 31_536_000;
const NOBODY: ReadonlySet<number> = new Set();

test("seconds that became ticks are found again, at every length of a tick", () => {
  const hz = fc.constantFrom(100, 250, 300, 1000);
  fc.assert(fc.property(fc.integer({ min: 1, max: SECONDS_MAX }), hz, (one, rate) => assert.equal(seconds(ticks(one, rate), rate), one)));
});

test("a new packet path has the timeouts of IPVS", () => {
  const all = timeoutTicks(HZ);
  assert.deepEqual(commonTimeouts(all, HZ), { tcp: 900, tcpFin: 120, udp: 300 });
  // SCTP: NONE, INIT1, ESTABLISHED, REJECTED and all others.
  const sctp = Array.from({ length: 14 }, (_, state) => seconds(all[Timeout.SCTP + state] ?? 0, HZ));
  assert.deepEqual(sctp, [2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61]);
  assert.equal(ownTimeouts(all, 1, HZ), undefined);
});

test("a set keeps what it has of its own when the common timeouts change, and follows them in the rest", () => {
  const { set, timeouts } = placeTimeouts(timeoutTicks(HZ), { timeouts: { udp: 300 }, present: 0, others: NOBODY }, HZ);
  assert.equal(set, 1);
  const changed = withCommonTimeouts(timeouts, { tcp: 7, tcpFin: 8, udp: 9 }, HZ);
  assert.deepEqual(ownTimeouts(changed, set, HZ), { udp: 300 });
  assert.deepEqual(commonTimeouts(changed.slice(set * Timeout.COUNT), HZ), { tcp: 7, tcpFin: 8, udp: 300 });
  assert.equal(ownTimeouts(changed, 2, HZ), undefined);
});

test("services that want the same share a set, and one that is alone keeps its number", () => {
  const first = placeTimeouts(timeoutTicks(HZ), { timeouts: { tcp: 5 }, present: 0, others: NOBODY }, HZ);
  const same = placeTimeouts(first.timeouts, { timeouts: { tcp: 5 }, present: 0, others: new Set([1]) }, HZ);
  assert.equal(same.set, 1);
  assert.equal(placeTimeouts(same.timeouts, { timeouts: { tcp: 6 }, present: 1, others: new Set([1]) }, HZ).set, 2);
  const alone = placeTimeouts(same.timeouts, { timeouts: { tcp: 6 }, present: 1, others: NOBODY }, HZ);
  assert.equal(alone.set, 1);
  assert.deepEqual(ownTimeouts(alone.timeouts, 1, HZ), { tcp: 6 });
});

test("a 32nd choice of timeouts is refused", () => {
  let timeouts: readonly number[] = timeoutTicks(HZ);
  const others = new Set<number>();
  for (let tcp = 1; tcp <= 31; tcp++) {
    const placed = placeTimeouts(timeouts, { timeouts: { tcp }, present: 0, others }, HZ);
    others.add(placed.set);
    ({ timeouts } = placed);
  }
  assert.equal(others.size, 31);
  assert.throws(() => placeTimeouts(timeouts, { timeouts: { tcp: 32 }, present: 0, others }, HZ), EvenkeelError);
});
