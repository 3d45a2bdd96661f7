/** Files that people write wrongly, and the exact words that each is answered with: with its place, what is allowed, and what may have been meant. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkKinds } from "../src/checker/check-kinds.ts";
import { formatComplaint } from "../src/config/complaint.ts";
import { parseConfiguration } from "../src/config/parse.ts";
import { WRONG_SECTIONS } from "./wrong-files/sections.ts";
import { WRONG_SERVICES } from "./wrong-files/services.ts";
import { SILENT_IN_KEEPALIVED } from "./wrong-files/silent-in-keepalived.ts";

const FILES = [...SILENT_IN_KEEPALIVED, ...WRONG_SERVICES, ...WRONG_SECTIONS];

for (const { mistake, file, says } of FILES) {
  test(`${mistake}: the file is refused, and told why`, () => {
    const text = file.replaceAll("\n      ", "\n").trimStart();
    const result = parseConfiguration(text, "evenkeel.yaml", checkKinds);
    const found = "complaints" in result ? result.complaints.map(formatComplaint) : [];
    assert.deepEqual(
      found.map((line) => line.replace(/allowed: director-started, [a-z-]+(?:, [a-z-]+)*/, "allowed: EVENTS")),
      says.map((line) => `evenkeel.yaml:${line}`),
    );
  });
}

test("there are enough of them", () => {
  assert.equal(SILENT_IN_KEEPALIVED.length, 9);
  assert.ok(FILES.length >= 30, `${FILES.length}`);
});
