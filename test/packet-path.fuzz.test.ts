/** 200,000 broken packets through the packet path; `make fuzz` sends ten million. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { course } from "./fuzz/course.ts";
import { need } from "./need.ts";

const PACKETS = 200_000;
const FINDINGS_SHOWN = 3;

test(`${PACKETS} broken packets: each verdict is one, each frame is whole, each packet is counted once`, (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { packets, fates, outcomes, findings } = course({ packets: PACKETS, seed });
  const found = findings
    .slice(0, FINDINGS_SHOWN)
    .map(({ what, stretch, packet, row, details }) => `${what} (${row})\n${details}\n--stretch ${stretch}, packet ${packet}`);
  assert.deepEqual(found, [], `node tools/fuzz.ts --seed ${seed} --stretch N plays one again`);
  assert.equal(packets, PACKETS);
  // A course that gets nowhere would find nothing.
  assert.ok(fates.sent > PACKETS / 10 && fates.dropped > 0, JSON.stringify(fates));
  for (const name of ["ICMP_FORWARDED", "ICMP_TOO_BIG", "ICMP_TIME_EXCEEDED", "PASS_MALFORMED"]) {
    assert.ok((outcomes.get(name) ?? 0) > 0, `no packet ended as ${name}`);
  }
});
