/** What a right file gives: defaults, what servers have from their service, durations; and what is right though it looks odd. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatComplaint } from "./complaint.ts";
import type { Configuration, ConfiguredService } from "./configuration.ts";
import { DEFAULTS } from "./defaults.ts";
import { formatDuration } from "./fields.ts";
import { parseConfiguration, requireConfiguration } from "./parse.ts";

function read(text: string): Configuration {
  return requireConfiguration(text, "evenkeel.yaml").configuration;
}

function service(keys: string, servers = "[{ address: 10.0.0.11 }]"): ConfiguredService {
  const [found] = read(`services: [{ address: 192.0.2.10, port: 80, method: nat, ${keys} servers: ${servers} }]`).services;
  assert.ok(found !== undefined);
  return found;
}

function complaintsOf(text: string): string[] {
  const result = parseConfiguration(text, "evenkeel.yaml");
  return "complaints" in result ? result.complaints.map(formatComplaint) : [];
}

test("a file that says nothing has the defaults, and so has one that leaves each section empty", () => {
  assert.deepEqual(read("services: []"), DEFAULTS);
  assert.deepEqual(
    read("{ services: [], settings: {}, marks: [], director: {}, api: {}, notify: [], journal: {}, instances: [] }"),
    DEFAULTS,
  );
});

test("a check has the default times, and its interval for what is not said", () => {
  const usual = { options: {}, jitter: 0, rise: 2, fall: 3, clientsWay: false };
  assert.deepEqual(
    service("checks: [tcp, { ping: { bytes: 64 }, interval: 500ms }, { tcp: {}, interval: 10, rise: 1 }],").servers[0]?.checks,
    [
      { ...usual, kind: "tcp", intervalMs: 2000, fastIntervalMs: 2000, timeoutMs: 2000 },
      { ...usual, kind: "ping", options: { bytes: 64 }, intervalMs: 500, fastIntervalMs: 500, timeoutMs: 500 },
      { ...usual, kind: "tcp", intervalMs: 10_000, fastIntervalMs: 10_000, timeoutMs: 2000, rise: 1 },
    ],
  );
});

test("servers have what their service says, unless they say otherwise; checks as one list", () => {
  const { servers } = service(
    "persistent: 60, weight: 5, inhibit_on_failure: true, cut_templates: 1, drain_deadline: 2m, checks: [tcp],",
    "[{ address: 10.0.0.1 }, { address: 10.0.0.2 }, " +
      "{ address: 10.0.0.3, weight: 0, inhibit_on_failure: false, cut_templates: false, drain_deadline: 0, checks: [] }]",
  );
  const [first, second, own] = servers.map(({ address: _address, port: _port, method: _method, ...rest }) => rest);
  const checks = first?.checks;
  assert.equal(checks?.length, 1);
  assert.deepEqual(first, { weight: 5, checks, inhibitOnFailure: true, cutTemplates: true, drainDeadlineMs: 120_000 });
  assert.deepEqual(second, first);
  assert.equal(second?.checks, checks);
  assert.deepEqual(own, { weight: 0, checks: [], inhibitOnFailure: false, cutTemplates: false, drainDeadlineMs: 0 });
});

test("a quorum is a weight, or all that there is to say of it", () => {
  const three = "[{ address: 10.0.0.1, weight: 4 }]";
  assert.deepEqual(service("quorum: 2,", three).quorum, { quorum: 2, hysteresis: 0 });
  const { quorum, onQuorumUp, onQuorumDown } = service("quorum: { weight: 3, hysteresis: 1, up: /bin/up, down: [/bin/down, now] },", three);
  assert.deepEqual(
    { quorum, onQuorumUp, onQuorumDown },
    {
      quorum: { quorum: 3, hysteresis: 1 },
      onQuorumUp: ["/bin/up"],
      onQuorumDown: ["/bin/down", "now"],
    },
  );
});

test("a sorry server has the service's port and method, and weight 1", () => {
  const { sorryServer } = service("weight: 7, sorry_server: { address: 10.0.0.99 },");
  assert.deepEqual({ ...sorryServer, address: undefined }, { address: undefined, port: 80, weight: 1, method: "nat" });
});

test("durations are written in every unit, and read as they are written", () => {
  for (const [text, ms] of [
    ["1s", 1000],
    ["1500ms", 1500],
    ["1.5s", 1500],
    ["2.5", 2500],
    ["90", 90_000],
    ["2m", 120_000],
    ["1 h", 3_600_000],
    ["1d", 86_400_000],
  ] as const)
    assert.equal(service(`drain_deadline: ${text},`).servers[0]?.drainDeadlineMs, ms, text);
  for (const text of ["0s", "200ms", "1.5s", "45s", "90s", "2m", "1h", "1d"]) {
    const ms = service(`drain_deadline: ${text},`).servers[0]?.drainDeadlineMs ?? Number.NaN;
    assert.equal(formatDuration(ms), text === "90s" ? "90s" : text);
  }
});

test("what is odd but right is taken", () => {
  for (const keys of [
    // An agent may name any weight.
    "quorum: 5, checks: [{ agent: { port: 9000 } }],",
    "quorum: { weight: 1 }, checks: [{ script: { command: /bin/true, weight_from_exit_code: true } }],",
    "checks: [{ tcp: {}, interval: 1s, fast_interval: 1s, timeout: 5s }],",
    "quorum: { weight: 1, hysteresis: 0 },",
  ])
    service(keys);
  // The service's check is for dr; the NAT server has its own.
  const mixed = "[{ address: 10.0.0.1 }, { address: 10.0.0.2, method: nat, checks: [ping] }]";
  const text = `services: [{ address: 192.0.2.10, port: 80, method: dr, checks: [{ tcp: {}, clients_way: true }], servers: ${mixed} }]`;
  assert.deepEqual(complaintsOf(text), []);
});

test("VRRP's intervals are in its own units", () => {
  const instance = (keys: string) =>
    complaintsOf(`services: []\ninstances: [{ name: a, interface: eth0, vrid: 1, addresses: [192.0.2.1], ${keys} }]`).map((line) =>
      line.replace(/^.*advert_interval: /, ""),
    );
  assert.deepEqual(instance("advert_interval: 0.01"), []);
  assert.deepEqual(instance("advert_interval: 40.95"), []);
  assert.deepEqual(instance("version: 2, advert_interval: 255"), []);
  assert.deepEqual(instance("advert_interval: 41"), ["41s is above 40.95s, the greatest advert_interval of VRRP 3"]);
  assert.deepEqual(instance("advert_interval: 15ms"), ["15ms is not whole hundredths of a second, and VRRP 3 counts those"]);
});

test("one mistake is complained of once", () => {
  const head = "services: [{ address: 192.0.2.10, port: 80, method: nat, servers: [{ address: 10.0.0.11 }], ";
  // Not also that alpha has no checks.
  assert.equal(complaintsOf(`${head} alpha: true, checks: [{}] }]`).length, 1);
  // Not also that nobody gives the mark.
  assert.equal(complaintsOf("marks: [{ mark: one }]\nservices: [{ mark: 1, method: nat, servers: [] }]").length, 1);
  const key = "{ address: '::1', port: 1, token_file: /etc/token, key: /etc/key }";
  assert.deepEqual(complaintsOf(`services: []\napi: { tcp: ${key} }`), ["evenkeel.yaml:2:69: api.tcp.key: it needs its certificate too"]);
});
