import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEDULERS } from "../model/service.ts";
import { cursorSchedulers, findScheduler, schedulers } from "./index.ts";
import { cursorContract, schedulerContract } from "./scheduler.contract.ts";

for (const [name, scheduler] of Object.entries(schedulers)) schedulerContract(name, scheduler);

for (const [name, scheduler] of Object.entries(cursorSchedulers)) cursorContract(name, scheduler);

test("a configuration may name exactly the schedulers that the packet path has", () => {
  assert.deepEqual(Object.keys(schedulers).sort(), [...SCHEDULERS].sort());
});

test("the table holds every scheduler of IPVS", () => {
  const names = ["dh", "fo", "lblc", "lblcr", "lc", "mh", "nq", "ovf", "rr", "sed", "sh", "twos", "wlc", "wrr"];
  assert.deepEqual(Object.keys(schedulers).sort(), names);
});

test("a name that is none finds no scheduler", () => {
  for (const name of ["", "WLC", "toString", "none"]) assert.equal(findScheduler(name), undefined);
});
