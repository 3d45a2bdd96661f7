/** What differs between two configurations, in lines for people. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareConfigurations } from "./compare.ts";
import { checkName } from "./describe-check.ts";
import { requireConfiguration } from "./parse.ts";

const text = `
director: { compare: 60s }
notify: [{ command: [/usr/local/bin/tell, ops] }]
instances: [{ name: front, interface: eth0, vrid: 7, version: 2, addresses: [192.0.2.10/24], authentication: { type: pass, password: first } }]
services:
  - name: web
    address: 192.0.2.10
    port: 80
    method: nat
    quorum: 1
    checks: [tcp, { http: { path: /healthz }, interval: 2s }]
    servers: [{ address: 10.0.0.11 }, { address: 10.0.0.12 }]
  - { address: 192.0.2.11, port: 53, protocol: udp, method: dr, servers: [{ address: 10.0.0.11, checks: [dns] }] }
`;

function differences(...edits: readonly (readonly [string, string])[]): string[] {
  const after = edits.reduce((whole, [from, to]) => {
    assert.ok(whole.includes(from), from);
    return whole.replace(from, to);
  }, text);
  return compareConfigurations(requireConfiguration(text, "a").configuration, requireConfiguration(after, "b").configuration);
}

test("equal files do not differ, nor do other ways to write the same", () => {
  assert.deepEqual(differences(), []);
  assert.deepEqual(differences(["quorum: 1", "quorum: { weight: 1 }"], ["compare: 60s", "compare: 1m"], ["[tcp,", "[{ tcp: {} },"]), []);
});

test("a quorum, a sorry server and switches of a service", () => {
  assert.deepEqual(
    differences(
      ["quorum: 1", "quorum: { weight: 2, up: /usr/bin/true }\n    sorry_server: { address: 10.0.0.99 }\n    alpha: true"],
      ["name: web", "name: shop"],
    ),
    [
      "service shop: name web -> shop",
      "service shop: quorum 1 -> 2",
      "service shop: quorum up none -> /usr/bin/true",
      "service shop: sorry server none -> 10.0.0.99:80 nat",
      "service shop: alpha off -> on",
    ],
  );
});

test("what becomes of all servers is said once, what becomes of one by its name", () => {
  assert.deepEqual(
    differences(
      ["interval: 2s", "interval: 1s, timeout: 500ms"],
      ["{ address: 10.0.0.12 }", "{ address: 10.0.0.12, inhibit_on_failure: true, drain_deadline: 30s }"],
    ),
    [
      "all servers of web: check http /healthz interval 2s -> 1s",
      "all servers of web: check http /healthz fast_interval 2s -> 1s",
      "all servers of web: check http /healthz timeout 2s -> 500ms",
      "server 10.0.0.12:80 of web: inhibit_on_failure off -> on",
      "server 10.0.0.12:80 of web: drain_deadline none -> 30s",
    ],
  );
});

test("checks that come, go and ask for something else", () => {
  assert.deepEqual(differences(["path: /healthz", "path: /ready, host: a.example"], ["[tcp,", "[ping,"], ["checks: [dns]", "checks: []"]), [
    "all servers of web: new check ping every 2s",
    "all servers of web: check http /ready option path /healthz -> /ready",
    "all servers of web: check http /ready option host none -> a.example",
    "all servers of web: no more check tcp every 2s",
    "server 10.0.0.11:53 of udp 192.0.2.11:53: no more check dns every 2s",
  ]);
});

test("the director's own sections, and instances without their passwords", () => {
  assert.deepEqual(
    differences(
      ["compare: 60s", "compare: 5m, by_hand: revert"],
      ["tell, ops]", "tell, ops], events: [server-down]"],
      ["password: first", "password: second"],
      ["vrid: 7", "vrid: 7, priority: 200"],
      ["services:", "api: { tcp: { address: '::1', port: 8080, token_file: /etc/token } }\njournal: { days: 7 }\nservices:"],
    ),
    [
      "director: by_hand adopt -> revert",
      "director: compare 1m -> 5m",
      "api: tcp none -> [::1]:8080, token /etc/token",
      "journal: days 30 -> 7",
      "new notify /usr/local/bin/tell ops as nobody within 10s of server-down",
      "no more notify /usr/local/bin/tell ops as nobody within 10s",
      "instance front: priority 100 -> 200",
      "instance front: another password",
    ],
  );
});

test("a check is named by its kind and what it asks for", () => {
  const names: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ["tcp", {}, "tcp"],
    ["tcp", { port: 22 }, "tcp :22"],
    ["http", {}, "http /"],
    ["http", { port: 8080, path: "/healthz" }, "http :8080/healthz"],
    ["https", { address: "2001:db8::1", port: 8443, path: "/a" }, "https [2001:db8::1]:8443/a"],
    ["dns", { name: "www.example.org", type: "A" }, "dns www.example.org A"],
    ["script", { command: ["/usr/local/bin/check-db", "--quick"] }, "script /usr/local/bin/check-db --quick"],
    ["script", { command: `/${"x".repeat(200)}` }, `script /${"x".repeat(69)}...`],
    ["agent", { port: 9999, send: "\u001b[2J" }, "agent :9999"],
  ];
  for (const [kind, options, name] of names) assert.equal(checkName({ kind, options }), name);
});
