import assert from "node:assert/strict";
import { test } from "node:test";
import { ProbePorts } from "./probe-ports.ts";

const MINUTE_MS = 61_000;

test("ProbePorts gives each port in its turn, and one that is busy to nobody else", () => {
  const ports = new ProbePorts(3);
  assert.deepEqual([ports.take("a", 0), ports.take("b", 0), ports.take("c", 0), ports.take("d", 0)], [0, 1, 2, undefined]);
  ports.release(1, "b", 0);
  assert.equal(ports.take("d", 0), 1);
  assert.equal(ports.busy, 3);
});

test("ProbePorts lets a port rest for a minute from the server that it spoke to, and from no other", () => {
  const ports = new ProbePorts(2);
  for (const port of [0, 1]) {
    assert.equal(ports.take("a", port), port);
    ports.release(port, "a", port);
  }
  assert.equal(ports.take("a", 10), undefined);
  assert.equal(ports.take("b", 10), 0);
  ports.release(0, "b", 10);
  assert.equal(ports.take("a", MINUTE_MS), 0);
  assert.equal(ports.take("a", MINUTE_MS), undefined);
  assert.equal(ports.take("a", MINUTE_MS + 1), 1);
});

test("ProbePorts is tidied of ports that have rested, and of no others", () => {
  const ports = new ProbePorts(2);
  ports.take("a", 0);
  ports.take("b", 0);
  ports.release(0, "a", 0);
  ports.release(1, "a", 1000);
  ports.tidy(MINUTE_MS);
  assert.equal(ports.take("a", MINUTE_MS), 0);
  assert.equal(ports.take("a", MINUTE_MS), undefined);
  ports.tidy(2 * MINUTE_MS);
  assert.equal(ports.take("a", 2 * MINUTE_MS), 1);
});

test("ProbePorts leaves a port alone for a while that somebody else has", () => {
  const ports = new ProbePorts(2);
  assert.equal(ports.take("a", 0), 0);
  ports.leave(0, 0);
  ports.release(0, "a", 0);
  for (const peer of ["b", "c", "d"]) {
    const port = ports.take(peer, 1);
    assert.equal(port, 1);
    ports.release(1, peer, 1);
  }
  assert.equal(ports.take("b", MINUTE_MS), 0);
});
