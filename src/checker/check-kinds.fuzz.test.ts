/** Whatever stands in a check's options, its kind answers with mistakes or takes them; nothing is thrown, and each mistake is one line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkKinds, checkKindsElsewhere } from "./check-kinds.ts";

const scalars = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 1.1, 2, 200, 65536, Number.NaN, 1e21, "2", "1.1", "200-299", "GET", "POST"),
  fc.constantFrom(
    "/",
    "/bin/true",
    "/nowhere",
    "a\0b",
    "10.0.0.1",
    "::1",
    "(",
    "(a|b)*c",
    "sha256:00",
    "\u001b[2J",
    "A",
    "example.org",
    "00 ff",
  ),
  fc.string({ maxLength: 5 }),
);
const value = fc.oneof(
  { weight: 4, arbitrary: scalars },
  { weight: 1, arbitrary: fc.array(scalars, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom("a", "Host", "__proto__", "X-A", ""), scalars, { maxKeys: 2 }) },
);

test("each kind answers for any options", () => {
  let taken = 0;
  for (const kind of checkKinds.names) {
    const key = fc.constantFrom(...Object.keys(checkKinds.shapeOf(kind)), "__proto__", "no such key");
    const options = fc.oneof({ weight: 9, arbitrary: fc.dictionary(key, value, { maxKeys: 3 }) }, { weight: 1, arbitrary: value });
    fc.assert(
      fc.property(options, (given) => {
        const mistakes = checkKinds.mistakesIn(kind, given);
        if (mistakes.length === 0) taken++;
        for (const { text } of mistakes)
          assert.ok(text.length > 0 && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), `${kind}: ${JSON.stringify(text)}`);
        assert.ok(checkKindsElsewhere.mistakesIn(kind, given).length <= mistakes.length);
      }),
      { numRuns: 1000 },
    );
  }
  assert.ok(taken > 100, `${taken} were right`);
});
