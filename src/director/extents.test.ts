import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Extent, Extents } from "./extents.ts";

test("a stretch is taken behind the last one, and what was freed comes again only after the rest", () => {
  const extents = new Extents(10);
  const first = extents.take(4);
  assert.deepEqual(first, { first: 0, count: 4 });
  extents.free(first);
  assert.deepEqual(extents.take(4), { first: 4, count: 4 });
  assert.deepEqual(extents.take(4), { first: 0, count: 4 });
  assert.equal(extents.take(4), undefined);
  assert.deepEqual(extents.take(2), { first: 8, count: 2 });
});

test("a stretch that is used twice is free when it was freed twice", () => {
  const extents = new Extents(4);
  const shared = extents.use({ first: 0, count: 4 });
  extents.use(shared);
  extents.free(shared);
  assert.equal(extents.take(1), undefined);
  extents.free(shared);
  assert.deepEqual(extents.take(4), { first: 0, count: 4 });
});

test("nothing takes no room", () => {
  assert.equal(new Extents(0).take(0)?.count, 0);
});

test("no two stretches that are in use overlap, and none is refused while one is free", () => {
  const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 9 }), free: fc.nat() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (script) => {
      const extents = new Extents(40);
      const used: Extent[] = [];
      for (const { count, free } of script) {
        const taken = extents.take(count);
        const places = new Set(used.flatMap((each) => Array.from({ length: each.count }, (_, i) => each.first + i)));
        const isFree = (first: number) =>
          Array.from({ length: count }, (_, i) => first + i).every((place) => place < 40 && !places.has(place));
        if (taken === undefined) {
          assert.ok(!Array.from({ length: 40 }, (_, first) => first).some(isFree));
          const [victim] = used.splice(free % Math.max(used.length, 1), 1);
          extents.free(victim);
        } else {
          assert.ok(isFree(taken.first));
          used.push(taken);
        }
      }
    }),
  );
});
