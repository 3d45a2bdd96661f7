/** The packet path, packet by packet: bytes in, verdict, bytes out, counters (BPF_PROG_TEST_RUN; test/packet-rows holds the tables). */

import { after, describe, test } from "node:test";
import { need } from "./need.ts";
import { play } from "./packet-rows/play.ts";
import { Stage } from "./packet-rows/stage.ts";
import { PACKET_TABLES } from "./packet-rows/tables.ts";

let stage: Stage | undefined;
after(() => stage?.close());

for (const [table, rows] of Object.entries(PACKET_TABLES)) {
  describe(table, () => {
    for (const row of rows) {
      for (const hook of row.hooks ?? (["tc", "xdp"] as const)) {
        test(`${hook}: ${row.name}`, (t) => {
          if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
          stage ??= new Stage();
          const here = stage;
          here.inside(() => play(here, row, hook));
        });
      }
    }
  });
}
