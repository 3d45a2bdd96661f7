/** Every mistake a configuration can have, with the exact words it is answered with. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { DEFAULT_SETTINGS } from "../model/plane.ts";
import { describeServer, serviceName } from "../model/service.ts";
import { formatComplaint } from "./complaint.ts";
import { ConfigurationError, parseConfiguration, requireConfiguration } from "./parse.ts";
import { FILE_BYTES_MAX } from "./source.ts";
import { toDesired } from "./to-desired.ts";

const valid = `# two services
interfaces:
  - name: eth0
    hook: tc
  - name: eth1
services:
  - name: web
    address: 192.0.2.10
    port: 80
    protocol: tcp
    scheduler: rr
    method: nat
    servers:
      - { address: 10.0.0.11, port: 8080, weight: 3 }
      - { address: 10.0.0.12, method: dr }
  - address: 2001:db8::10
    port: 53
    protocol: udp
    method: tun
    servers:
      - address: 10.0.0.13
        weight: 0
`;

const host = (text: string) => ({ address: parseAddress(text), length: 32 });

function complaintsOf(file: string | Uint8Array): string[] {
  const result = parseConfiguration(file, "evenkeel.yaml");
  return "complaints" in result ? result.complaints.map(formatComplaint) : [];
}

/** A file that is right but for one service, whose keys stand on lines of their own from 2:5 on. */
function service(...lines: string[]): string {
  return `services:\n  - ${lines.join("\n    ")}\n`;
}

/** The same with one server, which stands at 5:16. */
function server(keys: string, head = "{address: 192.0.2.10, port: 80}", method = "nat"): string {
  const [address, port] = head.slice(1, -1).split(", ");
  return service(`${address}`, `${port}`, `method: ${method}`, `servers: [ {${keys}} ]`);
}

test("a configuration is read with every default filled in", () => {
  const { configuration } = requireConfiguration(valid, "evenkeel.yaml");
  assert.deepEqual(configuration.interfaces, [
    { interfaceName: "eth0", hook: "tc" },
    { interfaceName: "eth1", hook: "auto" },
  ]);
  assert.deepEqual(
    configuration.services.map((each) => [each.name, serviceName(each), each.scheduler, each.servers.map(describeServer)]),
    [
      ["web", "tcp 192.0.2.10:80", "rr", ["10.0.0.11:8080 nat weight 3", "10.0.0.12:80 dr weight 1"]],
      [undefined, "udp [2001:db8::10]:53", "wrr", ["10.0.0.13:53 tun weight 0"]],
    ],
  );
});

test("a configuration without services is one, and interfaces are found when it names none", () => {
  const { configuration } = requireConfiguration("services: []\n", "evenkeel.yaml");
  const automatic = [{ interfaceName: "eth7", hook: "auto" as const }];
  assert.deepEqual(toDesired(configuration, automatic), { services: [], settings: DEFAULT_SETTINGS, marks: [], attachments: automatic });
});

test("the desired state holds the services without their names, and the interfaces of the file", () => {
  const { configuration } = requireConfiguration(valid, "evenkeel.yaml");
  const desired = toDesired(configuration, []);
  assert.deepEqual(desired.attachments, configuration.interfaces);
  assert.equal(
    desired.services.some((each) => "name" in each),
    false,
  );
});

test("everything that can be said is read", () => {
  const { configuration } = requireConfiguration(readFileSync("examples/every-key.yaml"), "every-key.yaml");
  const { services, ...director } = toDesired(configuration, []);
  assert.deepEqual(director, {
    settings: DEFAULT_SETTINGS,
    marks: [
      { mark: 1, family: "ipv4", protocol: "tcp", destination: host("192.0.2.10"), ports: { first: 80, last: 80 } },
      { mark: 1, family: "ipv4", protocol: "tcp", destination: host("192.0.2.10"), ports: { first: 443, last: 443 } },
      {
        mark: 2,
        family: "ipv6",
        source: { address: parseAddress("2001:db8:7::"), length: 48 },
        ports: { first: 1000, last: 2000 },
        interfaceName: "eth0",
      },
    ],
    attachments: [{ interfaceName: "eth0", hook: "auto" }],
  });
  assert.deepEqual(
    services.map(({ servers, address: _address, ...head }) => [head, servers.map(describeServer)]),
    [
      [
        {
          port: 8080,
          protocol: "tcp",
          scheduler: "wlc",
          persistence: { timeoutSeconds: 300 },
          fullNat: parseAddress("10.0.0.254"),
          timeouts: { tcp: 3600, tcpFin: 60, udp: 30 },
        },
        ["10.0.0.11:80 nat weight 3 thresholds 1000/800", "10.0.0.12:80 nat weight 1"],
      ],
      [
        {
          port: 0,
          protocol: "tcp",
          scheduler: "sh",
          schedulerFlags: ["fallback", "port"],
          persistence: { timeoutSeconds: 600, clientMask: parseAddress("255.255.255.0") },
        },
        ["10.0.0.11:0 dr weight 1", "10.0.0.12:0 dr weight 1"],
      ],
      [
        {
          port: 25,
          protocol: "tcp",
          scheduler: "wrr",
          persistence: { timeoutSeconds: 60, clientMask: parseAddress("255.255.255.0") },
        },
        ["10.0.0.11:25 nat weight 1", "10.0.0.12:25 nat weight 1"],
      ],
      [{ port: 0, protocol: "tcp", mark: 1, scheduler: "wrr", persistence: { timeoutSeconds: 300 } }, ["10.0.0.11:0 nat weight 1"]],
      [
        { port: 53, protocol: "udp", scheduler: "rr", onePacket: true },
        ["10.1.0.11:53 tun weight 1", "10.1.0.12:53 tun (gre checksum) weight 1", "10.1.0.13:53 tun (gue port 6080) weight 1"],
      ],
    ],
  );
});

test("the examples of docs/packet-path.md are right", () => {
  const examples = [...readFileSync("docs/packet-path.md", "utf8").matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);
  assert.ok(examples.length >= 2);
  for (const text of examples) assert.deepEqual(complaintsOf(text.includes("services:") ? text : `${text}services: []\n`), []);
});

test("anchors and aliases are copies", () => {
  const text = `services:\n  - &web {address: 192.0.2.1, port: 80, method: nat, servers: &s [{address: 10.0.0.1}]}\n  - {address: 192.0.2.2, port: 80, method: nat, servers: *s}\n`;
  const { configuration } = requireConfiguration(text, "evenkeel.yaml");
  assert.deepEqual(
    configuration.services.map((each) => [formatAddress(each.address), ...each.servers.map(describeServer)]),
    [
      ["192.0.2.1", "10.0.0.1:80 nat weight 1"],
      ["192.0.2.2", "10.0.0.1:80 nat weight 1"],
    ],
  );
});

test("the place of anything in the file can be asked for later", () => {
  const { source } = requireConfiguration(valid, "evenkeel.yaml");
  assert.deepEqual(source.place(["services", 0, "servers", 1, "address"]), { line: 15, column: 20 });
  const complaint = source.complaint(["services", 1, "address"], "stands on no interface");
  assert.equal(formatComplaint(complaint), "evenkeel.yaml:16:14: services[1].address: stands on no interface");
});

test("all complaints come at once, in the order of the file, in one error", () => {
  const text = valid.replace("weight: 3", "weight: 70000").replace("protocol: udp", "protocol: upd").replace("hook: tc", "hok: tc");
  const lines = [
    'evenkeel.yaml:4:5: interfaces[0].hok: unknown key; did you mean "hook"? allowed: name, hook',
    "evenkeel.yaml:14:51: services[0].servers[0].weight: 70000 is above 65535, the greatest weight",
    'evenkeel.yaml:18:15: services[1].protocol: "upd" is not a protocol; allowed: tcp, udp, sctp; did you mean "udp"?',
  ];
  assert.throws(
    () => requireConfiguration(text, "evenkeel.yaml"),
    (error) => {
      assert.ok(error instanceof ConfigurationError && error instanceof EvenkeelError);
      assert.equal(error.code, "BAD_CONFIGURATION");
      assert.equal(error.message, lines.join("\n"));
      assert.equal(error.facts["count"], 3);
      assert.equal(error.complaints.length, 3);
      assert.equal(error.cure, "correct evenkeel.yaml; nothing of it was applied");
      return true;
    },
  );
});

const port = "a port is a whole number from 0 to 65535";
const weight = "a weight is a whole number from 0 to 65535";
const unicast = "a server needs a unicast address of its own";
const reachable = "a service needs an address that clients can reach";
const serverKeys =
  "address, port, method, weight, upper_threshold, lower_threshold, inhibit_on_failure, cut_templates, drain_deadline, tunnel, checks";
const serviceKeys =
  "name, address, port, protocol, mark, family, scheduler, scheduler_flags, one_packet, sloppy, full_nat, hairpin, alpha, omega, " +
  "weight, method, inhibit_on_failure, cut_templates, drain_deadline, persistent, timeouts, quorum, sorry_server, checks, servers";
const fileKeys = "$schema, interfaces, settings, marks, services, director, api, notify, journal, instances, listeners";
/** Marks need no rules then. */
const outside = "settings: {marks_from_outside: true}\n";
const ruleKeys = "mark, family, protocol, source, destination, port, ports, interface";
const notInterface = "is not an interface name; it has 1 to 15 bytes, none of them a slash, a colon or a space";

/** What is wrong, the file, the complaints (without the file's name). */
const mistakes: readonly (readonly [string, string | Uint8Array, ...string[]])[] = [
  // The file.
  ["an empty file", "", "1:1: the file is empty; it needs at least: services: []"],
  ["a file of comments", "# nothing\n", "1:1: the file is empty; it needs at least: services: []"],
  ["a list", "- a\n", `1:1: a list is not a configuration; it is a mapping with the keys ${fileKeys}`],
  ["a word", "hello\n", `1:1: "hello" is not a configuration; it is a mapping with the keys ${fileKeys}`],
  ["a file that is too great", " ".repeat(FILE_BYTES_MAX + 1), "1:1: the file has 4194305 bytes; at most 4194304 (4 MiB) are read"],
  [
    "a file that is not UTF-8",
    Uint8Array.from([...new TextEncoder().encode("services: []\n# caf"), 0xe9, 0x0a]),
    "2:6: not UTF-8 text; save the file in the encoding UTF-8",
  ],
  [
    "two documents",
    "services: []\n---\nservices: []\n",
    "2:1: a second document begins here; a configuration is one document, without ---",
  ],
  ["a tab", "services:\n\t- a\n", "2:1: not valid YAML: a tab cannot indent; use spaces"],
  [
    "an open bracket",
    "services: [\n",
    "2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  [
    "an IPv6 address that ends with a colon",
    service("address: 2001:db8::", "port: 80"),
    "2:14: not valid YAML: Nested mappings are not allowed in compact mappings (an IPv6 address that ends with a colon needs quotes)",
  ],
  ["a key twice", "services: []\nservices: []\n", "2:1: services: the key stands here twice, first at 1:1"],
  ["a tag", "services: !!set {}\n", '1:17: services: the tag "tag:yaml.org,2002:set" means nothing here; leave it out'],
  ["an alias of nothing", "services: *s\n", "1:11: services: nothing before this is named &s"],
  ["an alias of itself", "services: &s [*s]\n", `1:14: services${"[0]".repeat(32)}: nested too deeply`],
  ["a key that is no word", "services: []\n? [a]\n: 1\n", "2:3: a key should be a word"],
  ["no services", "interfaces: [{name: eth0}]\n", '1:1: the key "services" is missing; it is a list, if need be an empty one: []'],
  ["services that are no list", "services: {}\n", "1:11: services: a mapping is not a list"],
  ["services left blank", "services:\n", "1:10: services: nothing is not a list"],
  ["an unknown key of the file", "services: []\nhooks: []\n", `2:1: hooks: unknown key; allowed: ${fileKeys}`],
  [
    "keepalived's word for a key",
    "services: []\nvirtual_server: 1\n",
    `2:1: virtual_server: unknown key; did you mean "services"? allowed: ${fileKeys}`,
  ],
  ["a key that would move the terminal", 'services: []\n"a\\e[2J": 1\n', `2:1: ["a\\u001b[2J"]: unknown key; allowed: ${fileKeys}`],
  ["a key __proto__", "services: []\n__proto__: {a: 1}\n", `2:1: __proto__: unknown key; allowed: ${fileKeys}`],

  // Interfaces.
  [
    "an empty list of interfaces",
    "interfaces: []\nservices: []\n",
    "1:13: interfaces: an empty list would listen nowhere; leave the key out to have the interfaces found",
  ],
  [
    "an interface twice",
    "interfaces: [{name: eth0}, {name: eth0, hook: xdp}]\nservices: []\n",
    "1:28: interfaces[1]: the interface eth0 stands here twice, first at 1:14",
  ],
  [
    "an interface name of 16 bytes",
    "interfaces: [{name: abcdefghijklmnop}]\nservices: []\n",
    '1:21: interfaces[0].name: "abcdefghijklmnop" is too long; an interface name has at most 15 bytes',
  ],
  ["an interface name with a slash", "interfaces: [{name: a/b}]\nservices: []\n", `1:21: interfaces[0].name: "a/b" ${notInterface}`],
  ["an interface name ..", "interfaces: [{name: ..}]\nservices: []\n", `1:21: interfaces[0].name: ".." ${notInterface}`],
  [
    "an interface by number",
    "interfaces: [{name: 2}]\nservices: []\n",
    "1:21: interfaces[0].name: 2 is not text; an interface name is text such as eth0",
  ],
  ["an interface without a name", "interfaces: [{hook: tc}]\nservices: []\n", '1:14: interfaces[0]: the key "name" is missing'],
  [
    "an interface that is a word",
    "interfaces: [eth0]\nservices: []\n",
    '1:14: interfaces[0]: "eth0" is not an interface; it is a mapping with the keys name, hook',
  ],
  [
    "an unknown hook",
    "interfaces: [{name: eth0, hook: xpd}]\nservices: []\n",
    '1:33: interfaces[0].hook: "xpd" is not a hook; allowed: auto, tc, xdp, xdp-generic; did you mean "xdp"?',
  ],

  // Services.
  [
    "an unknown key of a service",
    service("address: 192.0.2.10", "port: 80", "schedulr: rr", "servers: []"),
    `4:5: services[0].schedulr: unknown key; did you mean "scheduler"? allowed: ${serviceKeys}`,
  ],
  [
    "an unknown scheduler",
    service("address: 192.0.2.10", "port: 80", "scheduler: fastest", "servers: []"),
    '4:16: services[0].scheduler: "fastest" is not a scheduler; allowed: rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos',
  ],
  [
    "a scheduler in capitals",
    service("address: 192.0.2.10", "port: 80", "scheduler: WRR", "servers: []"),
    '4:16: services[0].scheduler: "WRR" is not a scheduler; allowed: rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos; did you mean "wrr"?',
  ],
  [
    "an unknown method",
    service("address: 192.0.2.10", "port: 80", "method: fnat", "servers: []"),
    '4:13: services[0].method: "fnat" is not a forwarding method; allowed: nat, dr, tun; did you mean "nat"?',
  ],
  [
    "ipvsadm's word for a method",
    service("address: 192.0.2.10", "port: 80", "method: ipip", "servers: []"),
    '4:13: services[0].method: "ipip" is not a forwarding method; allowed: nat, dr, tun; did you mean "tun"?',
  ],
  [
    "an unknown protocol",
    service("address: 192.0.2.10", "port: 80", "protocol: stcp", "servers: []"),
    '4:15: services[0].protocol: "stcp" is not a protocol; allowed: tcp, udp, sctp; did you mean "tcp"?',
  ],
  [
    "no method",
    service("address: 192.0.2.10", "port: 80", "servers: [{address: 10.0.0.1}]"),
    '2:5: services[0]: the key "method" is missing; it is nat, dr or tun, here or at every server',
  ],
  ["no address", service("port: 80", "servers: []"), '2:5: services[0]: the key "address" is missing'],
  ["no port", service("address: 192.0.2.10", "servers: []"), '2:5: services[0]: the key "port" is missing'],
  [
    "no servers",
    service("address: 192.0.2.10", "port: 80"),
    '2:5: services[0]: the key "servers" is missing; it is a list, if need be an empty one: []',
  ],
  [
    "port 0",
    service("address: 192.0.2.10", "port: 0", "servers: []"),
    "3:11: services[0].port: 0 (every port) needs persistent: a client's connections to different ports have to reach one server",
  ],
  [
    "port 65536",
    service("address: 192.0.2.10", "port: 65536", "servers: []"),
    "3:11: services[0].port: 65536 is above 65535, the greatest port",
  ],
  ["port -1", service("address: 192.0.2.10", "port: -1", "servers: []"), "3:11: services[0].port: -1 is below 0, the least port"],
  ["port http", service("address: 192.0.2.10", "port: http", "servers: []"), `3:11: services[0].port: "http" is not a number; ${port}`],
  ["a port left blank", service("address: 192.0.2.10", "port:", "servers: []"), `3:10: services[0].port: nothing is not a number; ${port}`],
  [
    "a bad address",
    service("address: 192.0.2.300", "port: 80", "servers: []"),
    '2:14: services[0].address: "192.0.2.300" is not an IPv4 or IPv6 address; each part is 0 to 255, without leading zeros',
  ],
  [
    "an address with a port",
    service("address: 192.0.2.1:80", "port: 80", "servers: []"),
    '2:14: services[0].address: "192.0.2.1:80" is not an IPv4 or IPv6 address; the port has a key of its own',
  ],
  [
    "an address with a prefix length",
    service("address: 192.0.2.1/32", "port: 80", "servers: []"),
    '2:14: services[0].address: "192.0.2.1/32" is not an IPv4 or IPv6 address; leave the prefix length out',
  ],
  [
    "an address with a zone",
    service("address: fe80::1%eth0", "port: 80", "servers: []"),
    '2:14: services[0].address: "fe80::1%eth0" is not an IPv4 or IPv6 address; leave the zone out',
  ],
  [
    "an address that is a number",
    service("address: 10", "port: 80", "servers: []"),
    "2:14: services[0].address: 10 is not an IPv4 or IPv6 address",
  ],
  [
    "a multicast service",
    service("address: 224.0.0.18", "port: 80", "servers: []"),
    `2:14: services[0].address: 224.0.0.18 is a multicast address; ${reachable}`,
  ],
  [
    "an unspecified service",
    service("address: '::'", "port: 80", "servers: []"),
    `2:14: services[0].address: :: is the unspecified address; ${reachable}`,
  ],
  [
    "a loopback service",
    service("address: 127.0.0.1", "port: 80", "servers: []"),
    `2:14: services[0].address: 127.0.0.1 is a loopback address; ${reachable}`,
  ],
  [
    "a name that is not one",
    service("name: ''", "address: 192.0.2.1", "port: 80", "servers: []"),
    '2:11: services[0].name: "" is not a name; a name has 1 to 64 characters and begins and ends with a visible one',
  ],
  [
    "a service twice",
    "services:\n  - {address: 192.0.2.1, port: 80, servers: []}\n  - {address: 192.0.2.1, port: 80, protocol: tcp, servers: []}\n",
    "3:5: services[1]: the service tcp 192.0.2.1:80 stands here twice, first at 2:5",
  ],
  [
    "a service name twice",
    "services:\n  - {name: a, address: 192.0.2.1, port: 80, servers: []}\n  - {name: a, address: 192.0.2.1, port: 81, servers: []}\n",
    '3:5: services[1]: the service name "a" stands here twice, first at 2:5',
  ],

  // Servers.
  [
    "an unknown key of a server",
    server("address: 10.0.0.1, wieght: 1"),
    `5:36: services[0].servers[0].wieght: unknown key; did you mean "weight"? allowed: ${serverKeys}`,
  ],
  [
    "a server that is a word",
    service("address: 192.0.2.10", "port: 80", "method: dr", "servers: [10.0.0.1:80]"),
    `5:15: services[0].servers[0]: "10.0.0.1:80" is not a server; it is a mapping with the keys ${serverKeys}`,
  ],
  [
    "weight 70000",
    server("address: 10.0.0.1, weight: 70000"),
    "5:44: services[0].servers[0].weight: 70000 is above 65535, the greatest weight",
  ],
  ["weight -1", server("address: 10.0.0.1, weight: -1"), "5:44: services[0].servers[0].weight: -1 is below 0, the least weight"],
  ["weight 1.5", server("address: 10.0.0.1, weight: 1.5"), `5:44: services[0].servers[0].weight: 1.5 is not a whole number; ${weight}`],
  [
    "weight .inf",
    server("address: 10.0.0.1, weight: .inf"),
    `5:44: services[0].servers[0].weight: Infinity is not a whole number; ${weight}`,
  ],
  ["a weight in quotes", server('address: 10.0.0.1, weight: "3"'), `5:44: services[0].servers[0].weight: "3" is not a number; ${weight}`],
  ["a server's port -1", server("address: 10.0.0.1, port: -1"), "5:42: services[0].servers[0].port: -1 is below 0, the least port"],
  [
    "port mapping with dr",
    server("address: 10.0.0.1, port: 8080", "{address: 192.0.2.10, port: 80}", "dr"),
    "5:42: services[0].servers[0].port: 8080 differs from the service's port 80, and dr cannot map ports: the reply does not pass the director; leave the port out, or use nat",
  ],
  [
    "port mapping with tun at the server",
    server("address: 10.0.0.1, port: 8080, method: tun"),
    "5:42: services[0].servers[0].port: 8080 differs from the service's port 80, and tun cannot map ports: the reply does not pass the director; leave the port out, or use nat",
  ],
  [
    "an IPv6 server of an IPv4 service with nat",
    server("address: fd00::1"),
    "5:26: services[0].servers[0].address: fd00::1 is IPv6, but the service is IPv4, and nat cannot go from one to the other; only tun can",
  ],
  [
    "an IPv4 server of an IPv6 service with dr",
    server("address: 10.0.0.1", "{address: 2001:db8::1, port: 80}", "dr"),
    "5:26: services[0].servers[0].address: 10.0.0.1 is IPv4, but the service is IPv6, and dr cannot go from one to the other; only tun can",
  ],
  [
    "a server twice",
    server("address: 10.0.0.1}, {address: 10.0.0.1, port: 80"),
    "5:37: services[0].servers[1]: the server 10.0.0.1:80 stands here twice, first at 5:16",
  ],
  [
    "a multicast server",
    server("address: 239.1.1.1"),
    `5:26: services[0].servers[0].address: 239.1.1.1 is a multicast address; ${unicast}`,
  ],
  [
    "a broadcast server",
    server("address: 255.255.255.255"),
    `5:26: services[0].servers[0].address: 255.255.255.255 is the broadcast address; ${unicast}`,
  ],
  [
    "an unspecified server",
    server("address: 0.0.0.0"),
    `5:26: services[0].servers[0].address: 0.0.0.0 is the unspecified address; ${unicast}`,
  ],
  [
    "a server of this network",
    server("address: 0.1.2.3"),
    `5:26: services[0].servers[0].address: 0.1.2.3 is an address of this network (0.0.0.0/8); ${unicast}`,
  ],
  [
    "a loopback server",
    server("address: ::1", "{address: 2001:db8::1, port: 80}"),
    `5:26: services[0].servers[0].address: ::1 is the loopback address; ${unicast}`,
  ],
  [
    "a link-local server",
    server("address: fe80::1", "{address: 2001:db8::1, port: 80}"),
    `5:26: services[0].servers[0].address: fe80::1 is a link-local address; ${unicast}`,
  ],
  [
    "an IPv6 multicast server",
    server("address: ff02::1", "{address: 2001:db8::1, port: 80}"),
    `5:26: services[0].servers[0].address: ff02::1 is a multicast address; ${unicast}`,
  ],
  [
    "an IPv4 server in IPv6 clothes",
    server("address: ::ffff:10.0.0.1", "{address: 2001:db8::1, port: 80}"),
    `5:26: services[0].servers[0].address: ::ffff:10.0.0.1 is an IPv4 address in IPv6 clothes; ${unicast}`,
  ],
  [
    "thresholds upside down",
    server("address: 10.0.0.1, upper_threshold: 5, lower_threshold: 6"),
    "5:73: services[0].servers[0].lower_threshold: 6 is above the upper_threshold 5",
  ],
  [
    "a lower threshold alone",
    server("address: 10.0.0.1, lower_threshold: 6"),
    "5:53: services[0].servers[0].lower_threshold: a lower_threshold needs an upper_threshold",
  ],
  [
    "a threshold beyond IPVS's",
    server("address: 10.0.0.1, upper_threshold: 2147483648"),
    "5:53: services[0].servers[0].upper_threshold: 2147483648 is above 2147483647, the greatest threshold",
  ],
  [
    "keepalived's word for a threshold",
    server("address: 10.0.0.1, uthreshold: 6"),
    `5:36: services[0].servers[0].uthreshold: unknown key; did you mean "upper_threshold"? allowed: ${serverKeys}`,
  ],
  [
    "a tunnel with nat",
    server("address: 10.0.0.1, tunnel: {type: gre}"),
    "5:36: services[0].servers[0].tunnel: nat sends nothing through a tunnel; only tun does",
  ],
  [
    "an unknown tunnel",
    server("address: 10.0.0.1, method: tun, tunnel: {type: vxlan}"),
    '5:64: services[0].servers[0].tunnel.type: "vxlan" is not a tunnel type; allowed: ipip, gre, gue',
  ],
  [
    "gue without a port",
    server("address: 10.0.0.1, method: tun, tunnel: {type: gue}"),
    '5:57: services[0].servers[0].tunnel: the key "port" is missing; gue is UDP to a port of the server',
  ],
  [
    "gue to port 0",
    server("address: 10.0.0.1, method: tun, tunnel: {type: gue, port: 0}"),
    "5:75: services[0].servers[0].tunnel.port: 0 is below 1, the least port",
  ],
  [
    "a port of gre",
    server("address: 10.0.0.1, method: tun, tunnel: {type: gre, port: 1}"),
    "5:69: services[0].servers[0].tunnel.port: gre has no ports; only gue has",
  ],
  [
    "a checksum of ipip",
    server("address: 10.0.0.1, method: tun, tunnel: {type: ipip, checksum: true}"),
    "5:70: services[0].servers[0].tunnel.checksum: ipip has no checksum; gre and gue have",
  ],
  [
    "a tunnel that is a word",
    server("address: 10.0.0.1, method: tun, tunnel: gre"),
    '5:57: services[0].servers[0].tunnel: "gre" is not a tunnel; it is a mapping with the keys type, port, checksum',
  ],

  // Services by mark.
  [
    "a mark and an address",
    service("mark: 1", "address: 192.0.2.1", "port: 80", "protocol: udp", "servers: []") + outside,
    "3:5: services[0].address: a service by mark takes what carries the mark, whatever its address; leave it out",
    "4:5: services[0].port: a service by mark takes what carries the mark, whatever its port; leave it out",
    "5:5: services[0].protocol: a service by mark takes what carries the mark, whatever its protocol; leave it out",
  ],
  ["mark 0", service("mark: 0", "servers: []"), "2:11: services[0].mark: 0 is below 1, the least mark"],
  [
    "a mark of 33 bits",
    service("mark: 4294967296", "servers: []"),
    "2:11: services[0].mark: 4294967296 is above 4294967295, the greatest mark",
  ],
  [
    "a mark twice",
    `services:\n  - {mark: 1, servers: []}\n  - {mark: 1, family: ipv4, servers: []}\n${outside}`,
    "3:5: services[1]: the service mark 1 ipv4 stands here twice, first at 2:5",
  ],
  [
    "a family beside an address",
    service("address: 192.0.2.1", "port: 80", "family: ipv4", "servers: []"),
    "4:5: services[0].family: a service by address has the family of its address; family is for one by mark",
  ],
  [
    "an unknown family",
    service("mark: 1", "family: ip6", "servers: []") + outside,
    '3:13: services[0].family: "ip6" is not a family; allowed: ipv4, ipv6; did you mean "ipv6"?',
  ],
  [
    "an IPv4 server of an IPv6 mark",
    service("mark: 1", "family: ipv6", "method: nat", "servers: [{address: 10.0.0.1}]") + outside,
    "5:25: services[0].servers[0].address: 10.0.0.1 is IPv4, but the service is IPv6, and nat cannot go from one to the other; only tun can",
  ],

  // What a service can be.
  [
    "persistence that is a word",
    service("address: 192.0.2.1", "port: 80", "persistent: yes", "servers: []"),
    '4:17: services[0].persistent: "yes" is not a number; a timeout is a whole number from 1 to 31536000',
  ],
  [
    "persistence for no time",
    service("address: 192.0.2.1", "port: 80", "persistent: 0", "servers: []"),
    "4:17: services[0].persistent: 0 is below 1, the least timeout",
  ],
  [
    "persistence without a timeout",
    service("address: 192.0.2.1", "port: 80", "persistent: {prefix_length: 24}", "servers: []"),
    '4:17: services[0].persistent: the key "timeout" is missing',
  ],
  [
    "a netmask with a hole",
    service("address: 192.0.2.1", "port: 80", "persistent: {timeout: 1, netmask: 255.0.255.0}", "servers: []"),
    "4:39: services[0].persistent.netmask: 255.0.255.0 is not a netmask",
  ],
  [
    "a netmask of the other family",
    service("address: 192.0.2.1", "port: 80", "persistent: {timeout: 1, netmask: 'ffff::'}", "servers: []"),
    "4:39: services[0].persistent.netmask: ffff:: is IPv6, but the service is IPv4",
  ],
  [
    "a prefix length beyond the address",
    service("address: 192.0.2.1", "port: 80", "persistent: {timeout: 1, prefix_length: 33}", "servers: []"),
    "4:45: services[0].persistent.prefix_length: 33 is above 32, the greatest prefix length of IPv4",
  ],
  [
    "a prefix length of 0",
    service("address: 192.0.2.1", "port: 80", "persistent: {timeout: 1, prefix_length: 0}", "servers: []"),
    "4:45: services[0].persistent.prefix_length: 0 is below 1, the least prefix length",
  ],
  [
    "netmask and prefix length",
    service("address: 192.0.2.1", "port: 80", "persistent: {timeout: 1, netmask: 255.0.0.0, prefix_length: 8}", "servers: []"),
    "4:65: services[0].persistent.prefix_length: netmask and prefix_length say the same; leave one of them out",
  ],
  [
    "keepalived's word for persistence",
    service("address: 192.0.2.1", "port: 80", "persistence_timeout: 60", "servers: []"),
    `4:5: services[0].persistence_timeout: unknown key; did you mean "persistent"? allowed: ${serviceKeys}`,
  ],
  [
    "flags of a scheduler that has none",
    service("address: 192.0.2.1", "port: 80", "scheduler: rr", "scheduler_flags: [port]", "servers: []"),
    "5:22: services[0].scheduler_flags: rr has no flags; only sh and mh have",
  ],
  [
    "an unknown flag",
    service("address: 192.0.2.1", "port: 80", "scheduler_flags: [sh-port]", "servers: []"),
    '4:23: services[0].scheduler_flags[0]: "sh-port" is not a scheduler flag; allowed: fallback, port; did you mean "port"?',
  ],
  [
    "flags that are a word",
    service("address: 192.0.2.1", "port: 80", "scheduler_flags: port", "servers: []"),
    '4:22: services[0].scheduler_flags: "port" is not a list; write [fallback, port], or one of them',
  ],
  [
    "a flag twice",
    service("address: 192.0.2.1", "port: 80", "scheduler_flags: [port, port]", "servers: []"),
    "4:22: services[0].scheduler_flags: a scheduler flag stands here twice",
  ],
  [
    "TCP packet by packet",
    service("address: 192.0.2.1", "port: 80", "one_packet: true", "servers: []"),
    "4:17: services[0].one_packet: only udp can be scheduled packet by packet, not tcp",
  ],
  [
    "a switch that is a word",
    service("address: 192.0.2.1", "port: 80", "sloppy: on", "servers: []"),
    '4:13: services[0].sloppy: "on" is neither on nor off; it is true or false, or 1 or 0',
  ],
  [
    "full NAT to the other family",
    service("address: 192.0.2.1", "port: 80", "full_nat: fd00::1", "servers: []"),
    "4:15: services[0].full_nat: fd00::1 is IPv6, but the service is IPv4",
  ],
  [
    "full NAT packet by packet",
    service("address: 192.0.2.1", "port: 80", "protocol: udp", "one_packet: true", "full_nat: 10.0.0.254", "servers: []"),
    "6:15: services[0].full_nat: one_packet keeps no connections, by which answers would be found",
  ],
  [
    "full NAT to a loopback address",
    service("address: 192.0.2.1", "port: 80", "full_nat: 127.0.0.1", "servers: []"),
    "4:15: services[0].full_nat: 127.0.0.1 is a loopback address; servers answer to an address of the director's",
  ],
  [
    "a timeout of 0",
    service("address: 192.0.2.1", "port: 80", "timeouts: {tcp: 0, udp: 1.5}", "servers: []"),
    "4:21: services[0].timeouts.tcp: 0 is below 1, the least timeout",
    "4:29: services[0].timeouts.udp: 1.5 is not a whole number; a timeout is a whole number from 1 to 31536000",
  ],
  [
    "ipvsadm's word for a timeout",
    service("address: 192.0.2.1", "port: 80", "timeouts: {tcpfin: 1}", "servers: []"),
    '4:16: services[0].timeouts.tcpfin: unknown key; did you mean "tcp_fin"? allowed: tcp, tcp_fin, udp',
  ],
  [
    "a port mapped by a service for every port",
    service("address: 192.0.2.1", "port: 0", "persistent: 1", "method: nat", "servers: [{address: 10.0.0.1, port: 8080}]"),
    "6:41: services[0].servers[0].port: a service for every port leaves each packet its own; leave the port out",
  ],

  // Settings.
  [
    "settings that are a list",
    "settings: []\nservices: []\n",
    "1:11: settings: a list is not settings; it is a mapping with the keys expire_nodest_conn, expire_quiescent_template, conn_reuse_mode, marks_from_outside, timeouts",
  ],
  [
    "a sysctl by half its name",
    "settings: {expire_nodest: 1}\nservices: []\n",
    "1:12: settings.expire_nodest: unknown key; allowed: expire_nodest_conn, expire_quiescent_template, conn_reuse_mode, marks_from_outside, timeouts",
  ],
  [
    "settings out of bounds",
    "settings: {expire_nodest_conn: 2, conn_reuse_mode: 4, timeouts: {udp: 31536001}}\nservices: []\n",
    "1:32: settings.expire_nodest_conn: 2 is neither on nor off; it is true or false, or 1 or 0",
    "1:52: settings.conn_reuse_mode: 4 is above 3, the greatest conn_reuse_mode",
    "1:71: settings.timeouts.udp: 31536001 is above 31536000, the greatest timeout",
  ],

  // Mark rules.
  ["a rule without a mark", "marks: [{port: 80}]\nservices: []\n", '1:9: marks[0]: the key "mark" is missing'],
  ["rules that are no list", "marks: {}\nservices: []\n", "1:8: marks: a mapping is not a list"],
  [
    "an unknown key of a rule",
    "marks: [{mark: 1, dport: 80}]\nservices: []\n",
    `1:19: marks[0].dport: unknown key; did you mean "port"? allowed: ${ruleKeys}`,
  ],
  [
    "a host in a network",
    "marks: [{mark: 1, source: 198.51.100.7/24}]\nservices: []\n",
    '1:27: marks[0].source: "198.51.100.7/24" names a host in a network; write 198.51.100.0/24, or the host without /24',
  ],
  [
    "a prefix that is too long",
    "marks: [{mark: 1, source: 198.51.100.0/33}]\nservices: []\n",
    '1:27: marks[0].source: "198.51.100.0/33": the prefix length is at most 32',
  ],
  [
    "a network that is none",
    "marks: [{mark: 1, destination: example.org}]\nservices: []\n",
    '1:32: marks[0].destination: "example.org" is not a network; it is an address and a prefix length, such as 198.51.100.0/24',
  ],
  [
    "two families in one rule",
    "marks: [{mark: 1, source: 198.51.100.0/24, destination: '2001:db8::/32'}]\nservices: []\n",
    "1:57: marks[0].destination: this is IPv6, and the source IPv4: no packet is both",
  ],
  [
    "a rule of one family for the other",
    "marks: [{mark: 1, family: ipv6, source: 198.51.100.0/24}]\nservices: []\n",
    "1:41: marks[0].source: this is IPv4, and the family IPv6: no packet is both",
  ],
  [
    "port and ports",
    "marks: [{mark: 1, port: 80, ports: 80-81}]\nservices: []\n",
    "1:36: marks[0].ports: port and ports say the same; leave one of them out",
  ],
  [
    "ports backwards",
    "marks: [{mark: 1, ports: 2000-1000}]\nservices: []\n",
    '1:26: marks[0].ports: "2000-1000" is not a range of ports; it goes from the lesser to the greater, between 1 and 65535, such as 1000-2000',
  ],
  [
    "ports that are one port",
    "marks: [{mark: 1, ports: 80}]\nservices: []\n",
    "1:26: marks[0].ports: 80 is not a range of ports; write it as 1000-2000, or use port for one",
  ],
  [
    "a rule that the one before it hides",
    "marks: [{mark: 1, port: 80}, {mark: 2, port: 80}]\nservices: []\n",
    "1:30: marks[1]: the rule for any protocol port 80 stands here twice, first at 1:9",
  ],
  [
    "more rules than there is room for",
    `marks: [${Array.from({ length: 257 }, (_, i) => `{mark: 1, port: ${i + 1}}`).join(", ")}]\nservices: []\n`,
    "1:5533: marks[256]: there is room for 256 mark rules",
  ],
];

for (const [mistake, file, ...expected] of mistakes) {
  test(`${mistake} is complained of by its place`, () => {
    assert.deepEqual(
      complaintsOf(file),
      expected.map((line) => `evenkeel.yaml:${line}`),
    );
  });
}

test("a mistake in one key hides no contradiction of the others", () => {
  const text = service(
    "address: 192.0.2.10",
    "port: 80",
    "scheduler: x",
    "method: dr",
    "servers: [ {address: 10.0.0.1, port: 81, weight: -5} ]",
  );
  assert.equal(complaintsOf(text).length, 3);
});

test("a thousand complaints are told as the first 200 and how many there are more", () => {
  const text = `services: [${Array.from({ length: 1000 }, (_, i) => i).join(", ")}]\n`;
  assert.throws(
    () => requireConfiguration(text, "evenkeel.yaml"),
    (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.equal(error.complaints.length, 1000);
      const lines = error.message.split("\n");
      assert.equal(lines.length, 201);
      assert.equal(lines.at(-1), "evenkeel.yaml: and 800 more complaints");
      return true;
    },
  );
});

test("text of the file that the YAML parser quotes cannot move the terminal", () => {
  assert.deepEqual(complaintsOf(">\u001b\n"), [
    "evenkeel.yaml:1:2: not valid YAML: Block scalar header includes extra characters: >\\u001b",
  ]);
});

test("aliases that multiply are refused before they fill the memory", () => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `${"abcdefghi"[i + 1] ?? "j"}: &${"abcdefghi"[i + 1] ?? "j"} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(", ")}]`,
  );
  const complaints = complaintsOf(`a: &a [x, x]\n${levels.join("\n")}\nservices: []\n`);
  assert.equal(
    complaints.filter((line) => line.endsWith("the aliases of this file stand for more than 100000 values; write them out")).length,
    1,
  );
});

test("brackets without end are refused", () => {
  for (const text of ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(50_000)]) assert.notDeepEqual(complaintsOf(text), []);
});
