import assert from "node:assert/strict";
import { test } from "node:test";
import { rr } from "./rr.ts";
import { candidate, choices } from "./scheduler.contract.ts";

const three = [candidate(3), candidate(2), candidate(1)];

test("rr gives each server its turn, the newest first", () => {
  assert.deepEqual(choices(rr, three, rr.prepare(three), 6), [0, 1, 2, 0, 1, 2]);
});

test("rr does not care how heavy a server is", () => {
  const servers = [candidate(2, { weight: 100 }), candidate(1, { weight: 1 })];
  assert.deepEqual(choices(rr, servers, rr.prepare(servers), 4), [0, 1, 0, 1]);
});

test("rr chooses the last choice again when it is the only one that may serve", () => {
  const servers = [candidate(2, { weight: 0 }), candidate(1)];
  assert.deepEqual(choices(rr, servers, rr.prepare(servers), 2), [1, 1]);
});

test("rr keeps its place while nobody may serve", () => {
  const memory = rr.prepare(three);
  choices(rr, three, memory, 2);
  const none = three.map((server) => ({ ...server, overloaded: true }));
  assert.deepEqual(choices(rr, none, memory, 1), [undefined]);
  assert.deepEqual(choices(rr, three, memory, 1), [2]);
});

test("rr stays at its server when another is added", () => {
  const memory = rr.prepare(three);
  choices(rr, three, memory, 1);
  const four = [candidate(4), ...three];
  assert.deepEqual(choices(rr, four, rr.changed(memory, three, four), 4), [2, 3, 0, 1]);
});

test("rr starts with the new server when it has not chosen yet", () => {
  const four = [candidate(4), ...three];
  assert.deepEqual(choices(rr, four, rr.changed(rr.prepare(three), three, four), 1), [0]);
});

test("rr steps back to the server before the deleted one", () => {
  const memory = rr.prepare(three);
  choices(rr, three, memory, 2);
  assert.deepEqual(choices(rr, three.toSpliced(1, 1), rr.changed(memory, three, three.toSpliced(1, 1)), 2), [1, 0]);
});

test("rr goes along when a server in front of its place is deleted", () => {
  const memory = rr.prepare(three);
  choices(rr, three, memory, 2);
  const two = three.slice(1);
  assert.deepEqual(choices(rr, two, rr.changed(memory, three, two), 2), [1, 0]);
});
