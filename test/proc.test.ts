/** `evenkeel proc`: what the kernel's IPVS shows in /proc/net, from the packet path. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EtherType, encodeEthernet } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { ACK, request, SYN, server, service } from "./packet-rows/cast.ts";
import { packet } from "./packet-rows/packets.ts";
import { Stage } from "./packet-rows/stage.ts";

const NEEDS = ["root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth"] as const;
const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

let stage: Stage | undefined;
after(() => stage?.close());

/** One service, two servers, three connections: one of them established. */
function populated(): Stage {
  stage ??= new Stage();
  const made = stage;
  made.inside(() => {
    made.clear();
    made.plane.apply({
      kind: "add-service",
      service: service(
        "ipv4",
        [1, 2].map((n) => server("ipv4", "nat", { n })),
      ),
    });
    made.settle();
    for (const sourcePort of [40_000, 40_001, 40_002]) send(made, SYN, sourcePort);
    send(made, ACK, 40_000);
  });
  return made;
}

function send(here: Stage, flags: number, sourcePort: number): void {
  const payload = packet({ ...request("ipv4", { protocol: "tcp", sourcePort }), flags });
  here.run({
    hook: "tc",
    side: "front",
    frame: encodeEthernet({ destination: here.macs.front, source: here.macs.front, type: EtherType.IPV4, payload }),
  });
}

function proc(here: Stage, file: string): string[] {
  const { stdout, stderr, status } = here.inside(() => spawnSync(EVENKEEL, ["proc", file], { encoding: "utf8" }));
  assert.deepEqual({ stderr, status }, { stderr: "", status: 0 });
  assert.ok(stdout.endsWith("\n"));
  return stdout.trimEnd().split("\n");
}

const counts = (line: string | undefined) =>
  (line ?? "")
    .trim()
    .split(/ +/)
    .map((number) => Number.parseInt(number, 16));

describe("evenkeel proc", () => {
  test("ip_vs shows services and servers, the newest server first", (t) => {
    if (!need(t, ...NEEDS)) return;
    const lines = proc(populated(), "ip_vs");
    assert.equal(lines[0], "IP Virtual Server version 1.2.1 (size=4096)");
    assert.match(lines[3] ?? "", /^TCP {2}C0000201:0050 rr {2}$/);
    assert.match(lines[4] ?? "", /^ {2}-> 0A4D0002:0050 {6}Masq {4}1 {6}\d +\d +$/);
    assert.match(lines[5] ?? "", /^ {2}-> 0A4D0001:0050 /);
    assert.equal(lines.length, 6);
  });

  test("ip_vs_stats sums up, ip_vs_stats_percpu tells the CPUs apart and goes on counting when counters are reset", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    assert.deepEqual(counts(proc(here, "ip_vs_stats")[2]).slice(0, 3), [3, 4, 0]);
    const lines = proc(here, "ip_vs_stats_percpu");
    const end = lines.findIndex((line) => line.startsWith("  ~"));
    const cpus = lines.slice(2, end).map((line, cpu) => {
      assert.equal(line.slice(0, 3), cpu.toString(16).toUpperCase().padStart(3));
      return counts(line.slice(3));
    });
    const total = cpus.reduce((sum, each) => sum.map((count, i) => count + (each[i] ?? 0)));
    assert.deepEqual(counts(lines[end]?.slice(3)), total);
    assert.deepEqual(total.slice(0, 3), [3, 4, 0]);

    here.inside(() => here.plane.resetCounters());
    const later = proc(here, "ip_vs_stats_percpu");
    assert.deepEqual(later.slice(2, end), lines.slice(2, end));
    assert.deepEqual(counts(later[end]?.slice(3)), [0, 0, 0, 0, 0]);
  });

  test("ip_vs_conn and ip_vs_conn_sync list the connections", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const connections = proc(here, "ip_vs_conn");
    assert.equal(connections.length, 4);
    assert.match(connections.join("\n"), /^TCP C6336407 9C40 C0000201 0050 0A4D000[12] 0050 ESTABLISHED {5}(899|900)$/m);
    assert.match(
      proc(here, "ip_vs_conn_sync").join("\n"),
      /^TCP C6336407 9C40 C0000201 0050 0A4D000[12] 0050 ESTABLISHED LOCAL {6}(899|900)$/m,
    );
  });

  test("another file is wrong usage", () => {
    const { stderr, status } = spawnSync(EVENKEEL, ["proc", "ip_vs_app"], { encoding: "utf8" });
    assert.match(stderr, /Allowed choices are ip_vs, /);
    assert.equal(status, 2);
  });
});
