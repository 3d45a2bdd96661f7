/** What is written as YAML reads as the same value. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { writeYaml } from "./write-yaml.ts";

test("writeYaml() spreads out what has an origin, and keeps on one line what is short", () => {
  const service = { address: "192.0.2.10", port: 80, servers: [{ address: "10.0.0.11" }, { address: "fd00::", weight: 3 }] };
  const text = writeYaml({ services: [service] }, { head: ["By hand.", ""], comments: new Map([[service, "file:7"]]) });
  assert.equal(
    text,
    `# By hand.
#

services:
  # file:7
  - address: 192.0.2.10
    port: 80
    servers:
      - { address: 10.0.0.11 }
      - { address: "fd00::", weight: 3 }
`,
  );
});

test("writeYaml() writes text that would be read as something else in quotes", () => {
  const texts = [
    "",
    "on",
    "1",
    "0x1f",
    "~",
    "null",
    "true",
    "- a",
    "a: b",
    "#",
    "{",
    "1e3",
    " a ",
    "2001:db8::",
    "*a",
    "&a",
    "!x",
    "@",
    "%",
  ];
  assert.deepEqual(parse(writeYaml({ texts })), { texts });
});

test("writeYaml() writes any value so that reading it gives the value again", () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.string({ unit: "binary" }));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(value, (original) => {
      assert.deepEqual(parse(writeYaml(original)), structuredClone(plain(original)));
    }),
    { numRuns: 500 },
  );
});

/** Without the missing prototypes that fast-check gives some objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
