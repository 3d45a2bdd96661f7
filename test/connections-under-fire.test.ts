/** The connection table read while packets change it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readUnderTraffic } from "../bench/read-under-traffic.ts";
import { need } from "./need.ts";

test("no reader mixes two connections into one while slots change hands under it", async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  // So few slots that each changes hands every hundred microseconds.
  const { packets, read, wrong } = await readUnderTraffic({ connectionsMax: 1, established: 0, times: 8000 });
  t.diagnostic(`${read} connections were read while ${packets} packets came`);
  assert.deepEqual(wrong, []);
  assert.ok(packets >= 100_000 && read >= 100_000, `${packets} packets, ${read} connections`);
});
