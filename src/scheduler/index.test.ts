import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEDULERS } from "../model/service.ts";
import { schedulerOf, schedulers } from "./index.ts";
import { schedulerContract } from "./scheduler.contract.ts";

for (const name of SCHEDULERS) schedulerContract(name, schedulerOf(name));

test("the table holds exactly the schedulers that the model names", () => {
  assert.deepEqual(Object.keys(schedulers).sort(), [...SCHEDULERS].sort());
});
