/** A SYN flood in small (`make flood` is the whole one): what is established stays, and who comes meanwhile gets through. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { flood } from "../bench/syn-flood.ts";
import { need } from "./need.ts";

const SYNS = 100_000;

for (const [hook, family] of [
  ["xdp", "ipv4"],
  ["tc", "ipv6"],
] as const) {
  test(`${hook}, ${family}: ${SYNS} SYNs from as many sources push out no established connection and stop no new one`, (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
    // The flood is twelve times what is left of the table. It rests, because times are told by ticks of 64 ms.
    const result = flood({ hook, family, connectionsMax: 10_000, established: 8000, syns: SYNS, between: 4000, restMs: 80 });
    const { lost, astray, miscounted, newClients, newGreeted, newEstablished, halfOpen, slots, outcomes } = result;
    t.diagnostic(`${halfOpen} half-open in ${slots} slots; ${JSON.stringify(outcomes)}`);
    assert.deepEqual({ lost, astray, miscounted }, { lost: 0, astray: 0, miscounted: 0 });
    assert.deepEqual({ newGreeted, newEstablished }, { newGreeted: newClients, newEstablished: newClients });
    assert.ok((outcomes["HALF_OPEN_EVICTED"] ?? 0) > SYNS / 2, "the flood was larger than the table");
    assert.ok(halfOpen <= (slots * 6) / 8, `${halfOpen} half-open connections`);
  });
}
