import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { OUTCOME_MEANINGS } from "./outcomes.ts";

test("docs/packet-path.md explains each outcome, in the words of evenkeel status", () => {
  const rows = [...readFileSync("docs/packet-path.md", "utf8").matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\|$/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, name = "", meaning = ""]) => [name, meaning])), { ...OUTCOME_MEANINGS });
});
