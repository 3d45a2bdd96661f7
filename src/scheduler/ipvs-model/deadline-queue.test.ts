import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeadlineQueue } from "./deadline-queue.ts";

test("what is due comes out, all of it and nothing else, whatever moved in between", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat({ max: 100 }), later: fc.option(fc.nat({ max: 100 })) })),
      fc.nat({ max: 200 }),
      (all, nowMs) => {
        const queue = new DeadlineQueue<{ expiresAtMs: number }>();
        const items = all.map(({ at }) => ({ expiresAtMs: at }));
        for (const item of items) queue.push(item);
        for (const [i, { later }] of all.entries()) {
          const item = items[i];
          if (item !== undefined && later !== null) item.expiresAtMs += later;
        }
        const out = new Set<object>();
        for (let item = queue.pop(nowMs); item !== undefined; item = queue.pop(nowMs)) out.add(item);
        assert.deepEqual(out, new Set(items.filter(({ expiresAtMs }) => expiresAtMs <= nowMs)));
      },
    ),
  );
});

test("in its turn, also when a deadline was moved behind another's", () => {
  const queue = new DeadlineQueue<{ expiresAtMs: number }>();
  const moved = { expiresAtMs: 1 };
  const other = { expiresAtMs: 2 };
  for (const item of [moved, other]) queue.push(item);
  moved.expiresAtMs = 3;
  assert.equal(queue.pop(9), other);
  assert.equal(queue.pop(9), moved);
});
