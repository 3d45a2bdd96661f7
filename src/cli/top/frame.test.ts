/** A frame of `evenkeel top`, and the tables of services and servers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import stringWidth from "string-width";
import type { ServerReply, ServiceReply } from "../../api/types.ts";
import type { DirectorStatus } from "../../director/director.ts";
import { serverTable } from "../director/server-table.ts";
import { clusterTable, serviceTable } from "../director/service-table.ts";
import { frame } from "./frame.ts";

const NOW = 1_795_395_472_000;
const RATES = { connections: 12, packetsIn: 1500, bytesIn: 2_500_000, packetsOut: 0, bytesOut: 0 };
const COUNTED = { connections: 7, packetsIn: 1, bytesIn: 2, packetsOut: 3, bytesOut: "9007199254740993", rates: RATES };

function server(name: string, more: Partial<ServerReply> = {}): ServerReply {
  return {
    service: "tcp 192.0.2.10:80",
    label: "網站",
    server: name,
    method: "nat",
    configuredWeight: 3,
    weight: 3,
    condition: "up",
    why: "",
    sinceMs: NOW - 65_000,
    sorry: false,
    checks: [],
    counters: { ...COUNTED, active: 4, inactive: 5, persistent: 0, overloaded: false },
    ...more,
  };
}

const DOWN = server("10.0.0.12:80", { weight: "out", condition: "down", why: "connect: connection refused, 3 times" });
const SERVICE: ServiceReply = {
  service: "tcp 192.0.2.10:80",
  label: "網站",
  scheduler: "wrr",
  quorum: "up",
  sorry: false,
  sinceMs: NOW - 3_600_000,
  counters: COUNTED,
  servers: [server("10.0.0.11:80"), DOWN],
};
const STATUS: DirectorStatus = {
  version: "0.1.0",
  pid: 1,
  startedMs: NOW - 86_400_000,
  ready: true,
  troubles: [],
  configuration: { id: 4, digest: "", file: "", appliedMs: 0, by: "", state: "present" },
  adopted: [],
  attachments: [],
  warnings: [],
  services: 1,
  servers: { all: 2, up: 1, overridden: 0 },
  checks: 2,
  capabilities: [],
};

test("frame() puts the busiest service first, and rates in units that can be read", () => {
  const idle: ServiceReply = {
    ...SERVICE,
    service: "udp 192.0.2.10:53",
    label: "dns",
    servers: [],
    counters: { ...COUNTED, rates: { ...RATES, connections: 0 } },
  };
  const lines = frame({ status: STATUS, services: [idle, SERVICE], nowMs: NOW }).split("\n");
  assert.match(
    lines[0] ?? "",
    /^evenkeel 0\.1\.0 {2}\d\d:\d\d:\d\d {2}up 1 d {2}configuration 4 {2}services 1 {2}servers 2: 1 up, 0 overridden$/,
  );
  assert.match(lines[3] ?? "", /^網站 tcp 192\.0\.2\.10:80 +up +8 +10 +12 +1\.5k +20\.0M +0$/);
  assert.match(lines[5] ?? "", /^ {2}10\.0\.0\.12:80 +down +out of 3 .*connect: connection refused, 3 times$/);
  assert.match(lines[6] ?? "", /^dns udp /);
});

test("frame() fits the terminal: no line is wider, and what is left out is counted", () => {
  const services = Array.from({ length: 30 }, () => SERVICE);
  const lines = frame({ status: STATUS, services, nowMs: NOW }, { rows: 12, columns: 40 }).split("\n");
  assert.equal(lines.length, 12);
  assert.equal(lines.at(-1), "... and 82 more lines");
  for (const line of lines) assert.ok(stringWidth(line) <= 40, line);
});

test("the tables line up though a name is Chinese, and show what holds for nobody to nobody", () => {
  for (const table of [serverTable(SERVICE.servers, NOW, false), clusterTable([SERVICE], { nowMs: NOW, wide: false, rate: true })]) {
    const [titles = "", ...rows] = table.split("\n");
    const at = stringWidth(titles.slice(0, titles.indexOf("WHY")));
    const row = rows.find((line) => line.includes("refused")) ?? "";
    assert.equal(stringWidth(row.slice(0, row.indexOf("connect:"))), at);
    assert.doesNotMatch(titles, /OVERRIDE/);
  }
  assert.match(serverTable(SERVICE.servers, NOW, true), /LAST CHECKS|BYTES OUT/);
  assert.match(serviceTable([{ ...SERVICE, sorry: true }], NOW, false), /網站 +wrr +sorry server +1\/2 +8 +10 +7 +1 h$/);
});
