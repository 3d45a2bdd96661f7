/** The packet path, packet by packet: bytes in, verdict, bytes out, counters (BPF_PROG_TEST_RUN; test/packet-rows holds the tables). */

import { after, describe, test } from "node:test";
import { need } from "./need.ts";
import { CHECKSUM_ROWS } from "./packet-rows/checksums.ts";
import { FORWARDING_ROWS } from "./packet-rows/forwarding.ts";
import { ICMP_ROWS } from "./packet-rows/icmp.ts";
import { LIFETIME_ROWS } from "./packet-rows/lifetimes.ts";
import { LIMIT_ROWS } from "./packet-rows/limits.ts";
import { LOCAL_ROWS } from "./packet-rows/local.ts";
import { PASSING_ROWS } from "./packet-rows/passing.ts";
import { play } from "./packet-rows/play.ts";
import { Stage } from "./packet-rows/stage.ts";
import { TUNNEL_ROWS } from "./packet-rows/tunnels.ts";

const TABLES = {
  forwarding: FORWARDING_ROWS,
  checksums: CHECKSUM_ROWS,
  limits: LIMIT_ROWS,
  passing: PASSING_ROWS,
  icmp: ICMP_ROWS,
  lifetimes: LIFETIME_ROWS,
  tunnels: TUNNEL_ROWS,
  local: LOCAL_ROWS,
};

let stage: Stage | undefined;
after(() => stage?.close());

for (const [table, rows] of Object.entries(TABLES)) {
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
