/** Errors have a bound: whoever sends a thousand packets that cannot go on gets no thousand answers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { jiffiesPerSecond } from "../src/kernel/clock.ts";
import { possibleCpus } from "../src/kernel/possible-cpus.ts";
import { Limits } from "../src/wire/abi.ts";
import { EtherType, encodeEthernet, parseMac } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { FAMILIES, request, server, service } from "./packet-rows/cast.ts";
import { packet } from "./packet-rows/packets.ts";
import { Stage } from "./packet-rows/stage.ts";

const PACKETS = 1000;

test("a thousand packets on their last hop get some tens of answers in each sixteen jiffies, and each is counted", (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const stage = new Stage();
  t.after(() => stage.close());
  const tickMs = (2 ** Limits.TICK_SHIFT * 1000) / jiffiesPerSecond();
  for (const family of FAMILIES) {
    stage.inside(() => {
      stage.clear();
      stage.plane.apply({ kind: "add-service", service: service(family, [server(family, "dr")]) });
      stage.settle();
      const payload = packet(request(family, { ttl: 1 }));
      const type = family === "ipv6" ? EtherType.IPV6 : EtherType.IPV4;
      const frame = encodeEthernet({ destination: stage.macs.front, source: parseMac("02:00:00:00:00:aa"), type, payload });
      const startMs = performance.now();
      for (let i = 0; i < PACKETS; i++) stage.run({ hook: "tc", side: "front", frame });
      const ticks = (performance.now() - startMs) / tickMs;

      const { outcomes } = stage.plane.counters();
      const answered = Number(outcomes["ICMP_TIME_EXCEEDED"]);
      assert.equal(answered + Number(outcomes["DROP_ICMP_LIMIT"]), PACKETS);
      assert.ok(answered >= Limits.ICMP_PER_TICK, `${answered} answers`);
      // Each CPU has a budget of its own, and the first and the last tick are not whole.
      const most = Limits.ICMP_PER_TICK * (Math.floor(ticks) + 2) * possibleCpus();
      assert.ok(answered <= most, `${answered} answers in ${ticks} ticks, at most ${most}`);
      t.diagnostic(`${family}: ${answered} answers to ${PACKETS} packets in ${ticks.toFixed(1)} ticks; ${most} were allowed`);
    });
  }
});
