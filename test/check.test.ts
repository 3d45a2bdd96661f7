/** `evenkeel check` and `evenkeel schema`: all that is wrong with a file, and all on this host that it does not fit, at once. */

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { describe, test } from "node:test";
import { GOOD } from "./apply/configurations.ts";
import { hostFor, VIP } from "./apply/host.ts";
import { EXIT } from "./apply/refusal.ts";
import { need } from "./need.ts";

/** Right by itself, and wrong on every host. */
const MISFIT = `
interfaces: [{ name: eth0 }, { name: eth7 }]
marks: [{ mark: 1, destination: ${VIP}, interface: eth8 }]
notify: [{ command: [/no/such/program], user: no-such-user }]
api: { group: no-such-group, tcp: { address: 127.0.0.1, port: 8470, token_file: /no/such/token } }
instances: [{ name: front, interface: eth9, vrid: 7, addresses: [${VIP}/24] }]
services:
  - { address: 192.0.2.99, port: 80, method: nat, full_nat: 10.77.0.77, servers: [] }
  - { address: ${VIP}, port: 80, method: dr, servers: [{ address: 10.77.0.11 }, { address: 10.99.0.11 }] }
  - { mark: 1, method: tun, quorum: { up: /no/such/up }, servers: [{ address: 10.99.0.11 }] }
  - { address: ${VIP}, port: 81, method: nat, sorry_server: { address: 10.77.0.1, port: 8081 }, servers: [] }
  - { address: ${VIP}, port: 82, method: nat, hairpin: true, servers: [{ address: 10.77.0.11 }, { address: 198.51.100.7 }] }
`;

const MISFITS = [
  "2:38: interfaces[1].name: there is no interface eth7; name one of: lo, eth0-peer, eth0, eth1-peer, eth1",
  "3:56: marks[0].interface: there is no interface eth8; name one of: lo, eth0-peer, eth0, eth1-peer, eth1",
  `4:21: notify[0].command: "/no/such/program" cannot be executed: ENOENT: no such file or directory, access '/no/such/program'`,
  '4:47: notify[0].user: there is no user "no-such-user" on this host',
  '5:15: api.group: there is no group "no-such-group" on this host',
  `5:81: api.tcp.token_file: "/no/such/token" cannot be read: ENOENT: no such file or directory, access '/no/such/token'`,
  "6:39: instances[0].interface: there is no interface eth9; name one of: lo, eth0-peer, eth0, eth1-peer, eth1",
  "8:16: services[0].address: the virtual address 192.0.2.99 is on no interface of this host, so nobody would send packets for it here; ip address add 192.0.2.99/32 dev eth0",
  "8:61: services[0].full_nat: 10.77.0.77 is on no interface of this host, so servers could not answer to it; name an address that this host has in the servers' network",
  "9:96: services[1].servers[1].address: 10.99.0.11 is not on a network of this host but behind 10.77.0.250, and dr reaches only neighbours; use tun, or nat",
  `10:43: services[2].quorum.up: "/no/such/up" cannot be executed: ENOENT: no such file or directory, access '/no/such/up'`,
  "11:65: services[3].sorry_server: 10.77.0.1 is this host itself, which gets the service's packets as they come, to port 81; it cannot get them at 8081; let the server on this host listen on port 81, and write port: 81 or none",
  "12:60: services[4].hairpin: this host goes to 10.77.0.11 from 10.77.0.1 and to 198.51.100.7 from 198.51.100.1; a service has one such address, so write full_nat, or two services",
];

describe("evenkeel check", () => {
  test("tells everything on this host that a file does not fit, each with its place, and changes nothing", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    host.ip("route add 10.99.0.0/16 via 10.77.0.250");
    const file = host.write("misfit.yaml", MISFIT);
    const expected = MISFITS.map((line) => `${file}:${line}`);
    const run = host.evenkeel(["check", file]);
    assert.equal(run.status, EXIT.configuration);
    assert.equal(run.stdout, "");
    assert.deepEqual(run.stderr.trimEnd().split("\n"), [
      ...expected.map((line, i) => (i === 0 ? `evenkeel: ${line}` : line)),
      `  cure: correct ${file}; nothing of it was applied`,
    ]);
    // apply says the same.
    assert.equal(host.evenkeel(["apply", file]).stderr, run.stderr);
    assert.match(host.evenkeel(["status"]).stderr, /^evenkeel: no packet path in this network namespace/);
  });

  test("looks at the file alone when it is for another host", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const run = hostFor(t).evenkeel(["check", "--offline", "-"], { input: MISFIT });
    assert.deepEqual(run, { status: 0, stdout: "ok: 5 services, 5 servers, 0 checks\n", stderr: "" });
  });

  test("counts what is right, warns of what is not there yet, and needs no privileges", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const text = `instances: [{ name: a, interface: eth0, vrid: 1, addresses: [${VIP}/32] }]${GOOD.replace("port: 80", "port: 80\n    checks: [tcp, ping]")}`;
    const expected = {
      status: 0,
      stdout: "ok: 1 service, 2 servers, 4 checks\n",
      stderr: "warning: failover is not there yet: 1 instance is checked, not run\n",
    };
    assert.deepEqual(host.evenkeel(["check", "-"], { input: text }), expected);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];
    assert.deepEqual(host.evenkeel(["check", "-"], { input: text, through: nobody }), expected);
  });

  test("finds a token that others can read, with which the API would not open", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const token = host.write("token", "0123456789abcdef\n");
    const text = `services: []\napi: { tcp: { address: 127.0.0.1, port: 8470, token_file: ${token} } }\n`;
    chmodSync(token, 0o644);
    const run = host.evenkeel(["check", "-"], { input: text });
    assert.equal(run.status, EXIT.configuration);
    assert.match(run.stderr, /:2:\d+: api\.tcp\.token_file: others can read or write ".*token": chmod o= /);
    chmodSync(token, 0o640);
    assert.equal(host.evenkeel(["check", "-"], { input: text }).status, 0);
  });

  test("does not read a file that has no end for ever", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const run = hostFor(t).evenkeel(["check", "/dev/zero"]);
    assert.equal(run.status, EXIT.configuration);
    assert.match(run.stderr, /cannot read the configuration \/dev\/zero: it is longer than 32 MiB/);
  });

  test("speaks JSON", (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = hostFor(t);
    const good = host.evenkeel(["check", "-o", "json", "-"], { input: GOOD });
    assert.deepEqual(JSON.parse(good.stdout), { ok: true, complaints: [], warnings: [], services: 1, servers: 2, checks: 0 });
    const wrong = host.evenkeel(["check", "-o", "json", "-"], { input: "services: 1\nhosts: 2\n" });
    assert.equal(wrong.status, EXIT.configuration);
    assert.equal(wrong.stderr, "");
    assert.deepEqual(JSON.parse(wrong.stdout), {
      ok: false,
      complaints: [
        { file: "standard input", line: 1, column: 11, path: "services", text: "1 is not a list" },
        {
          file: "standard input",
          line: 2,
          column: 1,
          path: "hosts",
          text: "unknown key; allowed: $schema, interfaces, settings, marks, services, director, api, notify, journal, instances, listeners",
        },
      ],
      warnings: [],
    });
  });

  test("does not begin without a file", (t) => {
    if (!need(t, "root", "command:ip")) return;
    assert.equal(hostFor(t).evenkeel(["check"]).status, EXIT.usage);
  });
});

test("evenkeel schema prints a schema", (t) => {
  if (!need(t, "root", "command:ip")) return;
  const { status, stdout } = hostFor(t).evenkeel(["schema"]);
  assert.equal(status, 0);
  assert.equal((JSON.parse(stdout) as { title: string }).title, "evenkeel.yaml");
});
