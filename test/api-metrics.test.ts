/** /metrics: Prometheus' text format as its own linter would have it, the kernel's numbers exactly, and node_exporter's names where they are wanted. */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { parseAddress } from "../src/model/address.ts";
import type { Counters, ServiceHead } from "../src/model/plane.ts";
import { MemoryDirector } from "./api/memory-director.ts";
import { serve } from "./api/served.ts";

const RATES = { connections: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
const TRAFFIC = { connections: 3n, packetsIn: 5n, bytesIn: 2n ** 63n, packetsOut: 7n, bytesOut: 11n, rates: RATES };
const CONFIGURATION = `services:
  - { name: 'we"b\\', address: 192.0.2.1, port: 80, scheduler: rr, method: nat, servers: [{ address: 10.0.0.1, port: 80, weight: 4 }] }
`;

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly lines: readonly string[];
}

async function metrics(t: TestContext, director: MemoryDirector, nodeExporterNames = false): Promise<Metric[]> {
  const { ask } = await serve(t, director, { nodeExporterNames });
  const { status, headers, text } = await ask({ path: "/metrics" });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  return families(text);
}

/** Throws where the format is not kept: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function families(text: string): Metric[] {
  assert.ok(text.endsWith("\n"));
  const found = new Map<string, { help: string; type: string; lines: string[] }>();
  let present: { help: string; type: string; lines: string[] } | undefined;
  let name = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = /^# HELP (\w+) (\S.*)$/.exec(line);
    const type = /^# TYPE (\w+) (counter|gauge|summary|histogram)$/.exec(line);
    if (help !== null) {
      name = help[1] ?? "";
      assert.ok(!found.has(name), `${name} stands twice`);
      present = { help: help[2] ?? "", type: "", lines: [] };
      found.set(name, present);
    } else if (type !== null) {
      assert.ok(present !== undefined && type[1] === name, line);
      present.type = type[2] ?? "";
    } else {
      assert.match(line, /^[a-z_][a-z0-9_]*(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/i);
      assert.ok(present !== undefined && line.startsWith(name), line);
      present.lines.push(line);
    }
  }
  return [...found].map(([one, { help, type, lines }]) => ({ name: one, help, type, lines }));
}

describe("metrics", () => {
  test("have help and type, names with units, and no series twice", async (t) => {
    const found = await metrics(t, new MemoryDirector(CONFIGURATION), true);
    for (const { name, type, help, lines } of found) {
      assert.ok(["counter", "gauge", "summary", "histogram"].includes(type), `${name}: ${type}`);
      assert.ok(help.length > 10, name);
      const series = lines.map((line) => line.replace(/ \S+$/, ""));
      assert.equal(new Set(series).size, series.length, `${name}: a series stands twice`);
      if (!name.startsWith("evenkeel_")) continue;
      assert.ok(lines.length > 0, name);
      // What promtool's linter asks for.
      assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
      assert.doesNotMatch(name, /milliseconds|_ms(_|$)|kilobytes|minutes|_(count|sum|bucket|info_total)$/);
      assert.doesNotMatch(name, /(^|_)(counter|gauge|summary|metric)(_|$)/);
      assert.match(help, /\.$/, name);
      for (const line of lines) assert.doesNotMatch(line, /\b(le|quantile)=/);
    }
    const names = found.map(({ name }) => name);
    for (const wanted of WANTED) assert.ok(names.includes(wanted), `${wanted} is missing`);
  });

  test("say what the kernel counted, exactly, with labels that are escaped", async (t) => {
    const director = counting();
    const found = await metrics(t, director);
    const lines = found.flatMap((metric) => metric.lines);
    const service = 'service="tcp 192.0.2.1:80",label="we\\"b\\\\"';
    for (const line of [
      `evenkeel_service_bytes_total{${service},direction="in"} 9223372036854775808`,
      `evenkeel_service_connections_total{${service}} 3`,
      `evenkeel_server_active_connections{${service},server="10.0.0.1:80"} 2`,
      `evenkeel_server_weight{${service},server="10.0.0.1:80"} 4`,
      `evenkeel_server_up{${service},server="10.0.0.1:80"} 1`,
      'evenkeel_outcome_packets_total{outcome="DROP_NO_SERVER"} 9',
      'evenkeel_check_duration_seconds_count{kind="http",outcome="pass"} 12',
      'evenkeel_build_info{version="0.1.0"} 1',
    ])
      assert.ok(lines.includes(line), line);
    assert.ok(!lines.some((line) => line.startsWith("node_ipvs_")));
  });

  test("by node_exporter's names are as its ipvs collector would tell them", async (t) => {
    const director = counting();
    const lines = (await metrics(t, director, true)).flatMap((metric) => metric.lines).filter((line) => line.startsWith("node_ipvs_"));
    const plain = 'local_address="192.0.2.1",local_port="80",remote_address="10.0.0.1",remote_port="80",proto="TCP",local_mark=""';
    const marked = 'local_address="",local_port="0",remote_address="2001:db8::1",remote_port="0",proto="FWM",local_mark="10001000"';
    assert.deepEqual(lines, [
      "node_ipvs_connections_total 6",
      "node_ipvs_incoming_packets_total 10",
      "node_ipvs_outgoing_packets_total 14",
      "node_ipvs_incoming_bytes_total 18446744073709551616",
      "node_ipvs_outgoing_bytes_total 22",
      `node_ipvs_backend_connections_active{${plain}} 2`,
      `node_ipvs_backend_connections_active{${marked}} 5`,
      `node_ipvs_backend_connections_inactive{${plain}} 1`,
      `node_ipvs_backend_connections_inactive{${marked}} 6`,
      `node_ipvs_backend_weight{${plain}} 4`,
      `node_ipvs_backend_weight{${marked}} 8`,
    ]);
  });
});

const WANTED = [
  "evenkeel_build_info",
  "evenkeel_service_connections_total",
  "evenkeel_service_bytes_total",
  "evenkeel_service_packets_total",
  "evenkeel_server_up",
  "evenkeel_server_weight",
  "evenkeel_server_active_connections",
  "evenkeel_server_inactive_connections",
  "evenkeel_check_duration_seconds",
  "evenkeel_configuration_version",
  "evenkeel_reconciliations_total",
  "evenkeel_journal_entries",
  "evenkeel_event_loop_lag_seconds",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "node_ipvs_connections_total",
];

function counting(): MemoryDirector {
  const director = new MemoryDirector(CONFIGURATION);
  const [service] = director.plane.read().services;
  assert.ok(service !== undefined);
  const [server] = service.servers;
  assert.ok(server !== undefined);
  const marked: ServiceHead = { address: parseAddress("::"), port: 0, protocol: "tcp", mark: 0x10001000, scheduler: "wlc" };
  const far = { address: parseAddress("2001:db8::1"), port: 0, weight: 8, method: "dr" as const };
  const load = { persistent: 0, overloaded: false };
  const counters: Counters = {
    services: [
      { service, ...TRAFFIC },
      { service: marked, ...TRAFFIC },
    ],
    servers: [
      { service, server, active: 2, inactive: 1, ...load, ...TRAFFIC },
      { service: marked, server: far, active: 5, inactive: 6, ...load, ...TRAFFIC },
    ],
    marks: [],
    outcomes: { DROP_NO_SERVER: 9n },
  };
  director.plane.counters = () => counters;
  return director;
}
