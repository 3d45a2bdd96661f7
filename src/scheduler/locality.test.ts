import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFromBytes } from "../model/address.ts";
import { CACHE_ENTRIES_MAX } from "./cache-table.ts";
import { lblc } from "./lblc.ts";
import { lblcr } from "./lblcr.ts";
import { anyFlow, anyOccasion, candidate } from "./scheduler.contract.ts";
import type { Candidate, Flow } from "./scheduler.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

function towards(number: number): Flow {
  return { ...anyFlow, destination: addressFromBytes(Uint8Array.of(198, 18 | (number >> 16), (number >> 8) & 255, number & 255)) };
}

function at(nowMs: number) {
  return { ...anyOccasion, nowMs };
}

type Live = { -readonly [Fact in keyof Candidate]: Candidate[Fact] };

for (const [name, scheduler] of Object.entries({ lblc, lblcr })) {
  test(`${name} keeps a destination where it is while its server is not overloaded`, () => {
    const servers: Live[] = [candidate(2, { weight: 4 }), candidate(1, { weight: 4 })];
    const memory = scheduler.prepare(servers, 0);
    assert.equal(scheduler.choose(servers, towards(1), memory as never, at(0)), 0);
    Object.assign(servers[0] ?? {}, { active: 4, total: 4 });
    assert.equal(scheduler.choose(servers, towards(1), memory as never, at(0)), 0);
    assert.equal(scheduler.choose(servers, towards(2), memory as never, at(0)), 1);
  });

  test(`${name} moves a destination when its server has more than its weight and another less than half`, () => {
    const servers: Live[] = [candidate(2, { weight: 4 }), candidate(1, { weight: 4 })];
    const memory = scheduler.prepare(servers, 0);
    scheduler.choose(servers, towards(1), memory as never, at(0));
    Object.assign(servers[0] ?? {}, { active: 5, total: 5 });
    Object.assign(servers[1] ?? {}, { active: 2, total: 2 });
    assert.equal(scheduler.choose(servers, towards(1), memory as never, at(0)), 0);
    Object.assign(servers[1] ?? {}, { active: 1, total: 1 });
    assert.equal(scheduler.choose(servers, towards(1), memory as never, at(0)), 1);
  });

  test(`${name} goes elsewhere when the server is deleted or quiesced`, () => {
    const [two, one] = [candidate(2), candidate(1)] as const;
    const memory = scheduler.prepare([two, one], 0);
    assert.equal(scheduler.choose([two, one], towards(1), memory as never, at(0)), 0);
    assert.equal(scheduler.choose([one], towards(1), scheduler.changed(memory as never, [two, one], [one]) as never, at(0)), 0);
    assert.equal(scheduler.choose([{ ...two, weight: 0 }, one], towards(1), memory as never, at(0)), 1);
  });

  test(`${name} forgets in half an hour's round what nobody asked for in a day`, () => {
    const servers: Live[] = [candidate(2), candidate(1)];
    const memory = scheduler.prepare(servers, 0);
    scheduler.choose(servers, towards(1), memory as never, at(0));
    assert.equal(memory.table.size, 1);
    scheduler.choose(servers, towards(2), memory as never, at(DAY_MS - MINUTE_MS));
    assert.equal(memory.table.size, 2);
    scheduler.choose(servers, towards(2), memory as never, at(DAY_MS));
    assert.equal(memory.table.size, 1);
  });

  test(`${name} remembers no more than half above its bound, and then lets the idle go`, () => {
    const servers: Live[] = [candidate(2), candidate(1)];
    const memory = scheduler.prepare(servers, 0);
    for (let i = 0; i < CACHE_ENTRIES_MAX * 2; i++)
      assert.notEqual(scheduler.choose(servers, towards(i), memory as never, at(0)), undefined);
    assert.equal(memory.table.size, (CACHE_ENTRIES_MAX * 3) / 2);
    scheduler.choose(servers, towards(0), memory as never, at(8 * MINUTE_MS));
    assert.ok(memory.table.size <= CACHE_ENTRIES_MAX + 1);
  });
}

test("lblcr shares an overloaded destination among two, and takes the more loaded one away after a day", () => {
  const servers: Live[] = [candidate(2, { weight: 4 }), candidate(1, { weight: 4 })];
  const memory = lblcr.prepare(servers, 0);
  lblcr.choose(servers, towards(1), memory, at(0));
  Object.assign(servers[0] ?? {}, { active: 5, total: 5 });
  assert.equal(lblcr.choose(servers, towards(1), memory, at(0)), 1);
  Object.assign(servers[1] ?? {}, { active: 6, total: 6 });
  assert.equal(lblcr.choose(servers, towards(1), memory, at(0)), 0, "both serve it now");
  // Kept in use, so that only its set grows old.
  for (let hour = 1; hour <= 24; hour++) lblcr.choose(servers, towards(1), memory, at(hour * 60 * MINUTE_MS));
  lblcr.choose(servers, towards(1), memory, at(DAY_MS + MINUTE_MS));
  Object.assign(servers[0] ?? {}, { active: 7, total: 7 });
  assert.equal(lblcr.choose(servers, towards(1), memory, at(DAY_MS + MINUTE_MS)), 0, "the less loaded one is alone again");
});
