/** The forms of an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { parse } from "yaml";
import { outputOption, structured } from "./output.ts";

const VALUE = {
  name: "網站",
  weight: 3,
  out: undefined,
  servers: [{ address: "10.0.0.11", since: "2026-11-23" }],
  none: [],
  big: "9007199254740993",
};

test("JSON and YAML say the same", async () => {
  assert.deepEqual(parse(await structured("yaml", VALUE)), JSON.parse(await structured("json", VALUE)));
});

test("text, as the table was called before, is the table", () => {
  const formOf = (...args: readonly string[]): unknown =>
    new Command()
      .addOption(outputOption())
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .parse(args, { from: "user" })
      .opts()["output"];
  assert.equal(formOf(), "table");
  assert.equal(formOf("-o", "text"), "table");
  assert.equal(formOf("--output", "yaml"), "yaml");
  assert.throws(() => formOf("-o", "xml"), { code: "commander.invalidArgument" });
});
