/** The connection table as the control plane reads it, and `evenkeel connections` on top of it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ConnectionFilter } from "../src/director/connection-filter.ts";
import { type Connection, ConnectionReader } from "../src/director/connection-reader.ts";
import { formatAddress, formatEndpoint, parseAddress } from "../src/model/address.ts";
import { connectionCodec, Family, Life } from "../src/wire/abi.ts";
import { EtherType, encodeEthernet } from "../src/wire/ethernet.ts";
import { need } from "./need.ts";
import { ACK, FAMILIES, request, SYN, server, serverAddress, service, VIPS } from "./packet-rows/cast.ts";
import { CROWD_SERVICES } from "./packet-rows/crowd.ts";
import { packet } from "./packet-rows/packets.ts";
import { CLIENTS, Stage } from "./packet-rows/stage.ts";

const NEEDS = ["root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth"] as const;
const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

let stage: Stage | undefined;
after(() => stage?.close());

/** Twelve connections: of each family and protocol one to each of three servers, TCP's half of them open. */
function populated(): Stage {
  stage ??= new Stage();
  const made = stage;
  made.inside(() => {
    made.clear();
    for (const one of CROWD_SERVICES) made.plane.apply({ kind: "add-service", service: one });
    made.settle();
    for (const family of FAMILIES) {
      for (const protocol of ["tcp", "udp"] as const) {
        for (let i = 0; i < 3; i++) {
          const facts = request(family, { protocol, sourcePort: 40_000 + i });
          send(made, packet({ ...facts, flags: SYN }));
          if (i > 0) send(made, packet({ ...facts, flags: ACK }));
        }
      }
    }
  });
  return made;
}

function send(here: Stage, bytes: Uint8Array): void {
  const type = (bytes[0] ?? 0) >> 4 === 6 ? EtherType.IPV6 : EtherType.IPV4;
  const frame = encodeEthernet({ destination: here.macs.front, source: here.macs.front, type, payload: bytes });
  here.run({ hook: "tc", side: "front", frame });
}

function list(here: Stage, filter: ConnectionFilter = {}): Connection[] {
  return reading(here, (reader) => [...reader.connections(filter)]);
}

function reading<T>(here: Stage, read: (reader: ConnectionReader) => T): T {
  const reader = new ConnectionReader(here.path);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

const ends = ({ client, virtual, server: to }: Connection) =>
  [client, virtual, to].map(({ address, port }) => formatEndpoint(address, port)).join(" ");

describe("ConnectionReader", () => {
  test("lists each connection with its ends, state, method, server and time", (t) => {
    if (!need(t, ...NEEDS)) return;
    const found = list(populated());
    assert.equal(found.length, 12);
    const one = found.find(({ protocol, client }) => protocol === "tcp" && client.address.family === "ipv4" && client.port === 40_001);
    assert.ok(one);
    assert.equal(ends(one), "198.51.100.7:40001 192.0.2.1:80 10.77.0.2:80");
    const { state, method, active, template, parent, mark, children } = one;
    assert.deepEqual(
      { state, method, active, template, parent, mark, children },
      { state: "ESTABLISHED", method: "nat", active: true, template: false, parent: undefined, mark: undefined, children: 0 },
    );
    assert.ok(one.expiresMs > 890_000 && one.expiresMs <= 901_000, `${one.expiresMs} ms`);
    const places = new Set(found.map(({ slot }) => slot));
    assert.equal(places.size, 12);
  });

  const filters: readonly (readonly [string, ConnectionFilter, number])[] = [
    ["protocol", { protocol: "tcp" }, 6],
    ["protocol without any", { protocol: "sctp" }, 0],
    ["state", { state: "established" }, 4],
    ["half-open ones", { state: "SYN_RECV" }, 2],
    ["UDP's only state", { state: "UDP" }, 6],
    ["a state that only templates have", { state: "ASSURED" }, 0],
    ["client", { client: { address: CLIENTS.ipv4 } }, 6],
    ["client and port", { client: { address: CLIENTS.ipv6, port: 40_002 } }, 2],
    ["client network", { client: { address: parseAddress("198.51.100.0"), prefixLength: 29 } }, 6],
    ["another client network", { client: { address: parseAddress("198.51.100.0"), prefixLength: 30 } }, 0],
    ["everybody of a family", { client: { address: parseAddress("::"), prefixLength: 0 } }, 6],
    ["service", { service: { address: VIPS.ipv4 } }, 6],
    ["service and port", { service: { address: VIPS.ipv6, port: 80 } }, 6],
    ["another port", { service: { address: VIPS.ipv6, port: 81 } }, 0],
    ["mark", { service: { mark: 1 } }, 0],
    ["server", { server: { address: serverAddress("ipv4", 2) } }, 2],
    ["server and port", { server: { address: serverAddress("ipv6", 3), port: 80 } }, 2],
    ["unknown server", { server: { address: serverAddress("ipv6", 9) } }, 0],
    [
      "all at once",
      { protocol: "tcp", state: "SYN_RECV", client: { address: CLIENTS.ipv4, port: 40_000 }, service: { address: VIPS.ipv4, port: 80 } },
      1,
    ],
  ];
  for (const [name, filter, number] of filters) {
    test(`finds and counts by ${name}`, (t) => {
      if (!need(t, ...NEEDS)) return;
      const here = populated();
      assert.equal(list(here, filter).length, number);
      assert.equal(
        reading(here, (reader) => reader.count(filter).total),
        number,
      );
    });
  }

  test("is read a part at a time, from where an earlier walk ended", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    reading(here, (reader) => {
      const slices = [...reader.slices({ protocol: "udp" }, 0, 64)];
      assert.ok(slices.length > 1, "a table of several parts");
      assert.deepEqual(
        slices.flatMap(({ connections }) => connections.map(ends)),
        [...reader.connections({ protocol: "udp" })].map(ends),
      );
      const [first, ...rest] = slices;
      const later = [...reader.slices({ protocol: "udp" }, first?.next, 64)];
      assert.deepEqual(
        later.map(({ next, connections }) => ({ next, listed: connections.map(ends) })),
        rest.map(({ next, connections }) => ({ next, listed: connections.map(ends) })),
      );
      const walk = reader.slices({}, 0, 64);
      walk.next();
      reader.close();
      assert.throws(() => walk.next(), { code: "NOT_RUNNING" });
    });
  });

  test("counts as the packet path does", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const { total, active, templates, byState, byServer } = reading(here, (reader) => reader.count());
    assert.deepEqual({ total, active, templates }, { total: 12, active: 6, templates: 0 });
    assert.deepEqual(
      byState,
      new Map([
        ["ESTABLISHED", 4],
        ["SYN_RECV", 2],
        ["UDP", 6],
      ]),
    );
    const loads = [...byServer].map(([number]) => here.path.serverLoad.read(number).total);
    assert.deepEqual([...byServer.values()], loads);
  });

  test("knows a template by its flag and a mark by its service", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const [one] = list(here, { protocol: "tcp", state: "ESTABLISHED", client: { address: CLIENTS.ipv4 } });
    assert.ok(one);
    const { view } = here.path.maps.connections.map();
    const at = one.slot * connectionCodec.size;
    view.setUint32(at, view.getUint32(at, true) | Life.TEMPLATE, true);
    view.setUint8(at + connectionCodec.offsets.family, Family.IPV4 | Family.TEMPLATE);
    view.setUint16(at + connectionCodec.offsets.service, 77, true);
    view.setUint32(at + connectionCodec.offsets.partner, 5, true);
    const address = new Uint8Array(16);
    address[0] = 7;
    here.path.maps.service_names.update(77, { address, port: 0, protocol: 0, family: Family.IPV4 });
    const [template] = list(here, { service: { mark: 7 } });
    assert.deepEqual(
      [template?.slot, template?.template, template?.state, template?.children, template?.mark],
      [one.slot, true, "ASSURED", 5, 7],
    );
    assert.equal(formatAddress(template?.client.address ?? CLIENTS.ipv6), "198.51.100.7");
    assert.equal(
      reading(here, (reader) => reader.count().templates),
      1,
    );
  });

  test("shows a persistent service's template and whose child a connection is", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    here.inside(() => {
      const one = service("ipv4", [server("ipv4", "nat")], {
        port: 443,
        persistence: { timeoutSeconds: 300, clientMask: parseAddress("255.255.255.0") },
      });
      here.plane.apply({ kind: "add-service", service: one });
      here.settle();
      for (const sourcePort of [41_000, 41_001]) send(here, packet(request("ipv4", { sourcePort, destinationPort: 443 })));
    });
    const found = list(here, { service: { address: VIPS.ipv4, port: 443 } });
    const template = found.find((one) => one.template);
    assert.ok(template);
    assert.equal(ends(template), "198.51.100.0:0 192.0.2.1:443 10.77.0.1:80");
    const { state, children, active, protocol } = template;
    assert.deepEqual({ state, children, active, protocol }, { state: "NONE", children: 2, active: false, protocol: "tcp" });
    assert.ok(template.expiresMs > 290_000 && template.expiresMs <= 301_000, `${template.expiresMs} ms`);
    assert.deepEqual(
      found
        .filter((one) => !one.template)
        .map(({ parent, client }) => [parent, client.port])
        .toSorted(([, one = 0], [, other = 0]) => one - other),
      [
        [template.slot, 41_000],
        [template.slot, 41_001],
      ],
    );
    assert.equal(
      reading(here, (reader) => reader.count().templates),
      1,
    );
    const { stdout } = here.inside(() =>
      spawnSync(EVENKEEL, ["connections", "--service", "192.0.2.1:443", "--state", "NONE"], { encoding: "utf8" }),
    );
    assert.match(stdout, /^TCP 0[45]:\d\d +NONE +198\.51\.100\.0:0 +192\.0\.2\.1:443 +10\.77\.0\.1:80$/m);
  });

  test("shows a mark where a mark led", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const rules = [{ mark: 7, destination: { address: VIPS.ipv4, length: 32 }, ports: { first: 443, last: 443 } }];
    here.inside(() => {
      const address = parseAddress("0.0.0.0");
      const marked = service("ipv4", [server("ipv4", "nat", { port: 0 })], {
        address,
        port: 0,
        mark: 7,
        persistence: { timeoutSeconds: 300 },
      });
      here.plane.apply({ kind: "add-service", service: marked });
      here.plane.apply({ kind: "edit-marks", before: [], after: rules });
      here.settle();
      send(here, packet(request("ipv4", { sourcePort: 41_000, destinationPort: 443 })));
      here.plane.apply({ kind: "edit-marks", before: rules, after: [] });
    });
    const found = list(here, { service: { mark: 7 } }).toSorted((one, other) => Number(one.template) - Number(other.template));
    assert.deepEqual(found.map(ends), ["198.51.100.7:41000 192.0.2.1:443 10.77.0.1:443", "198.51.100.7:0 0.0.0.7:0 10.77.0.1:0"]);
    assert.deepEqual(
      found.map(({ mark, protocol, template }) => [mark, protocol, template]),
      [
        [7, "tcp", false],
        [7, "ip", true],
      ],
    );
    const { stdout } = here.inside(() => spawnSync(EVENKEEL, ["connections", "--service", "mark:7", "--count"], { encoding: "utf8" }));
    assert.match(stdout, /^2 connections: 1 active, 0 inactive, 1 templates\n/);
  });

  test("does not list what is past its time", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const restore = here.setTimeouts(() => 1);
    here.inside(() => send(here, packet(request("ipv4", { sourcePort: 50_000 }))));
    restore();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    assert.equal(list(here, { client: { address: CLIENTS.ipv4, port: 50_000 } }).length, 0);
    assert.equal(
      reading(here, (reader) => reader.count().total),
      12,
    );
  });
});

describe("evenkeel connections", () => {
  const run = (here: Stage, ...args: readonly string[]) =>
    here.inside(() => spawnSync(EVENKEEL, ["connections", ...args], { encoding: "utf8" }));

  test("lists in the columns of ipvsadm", (t) => {
    if (!need(t, ...NEEDS)) return;
    const { stdout, stderr, status } = run(populated(), "--client", "198.51.100.7:40001", "--protocol", "tcp");
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const [head, line = ""] = stdout.split("\n");
    assert.match(head ?? "", /^pro expire +state +source +virtual +destination$/);
    assert.match(line, /^TCP 1[45]:\d\d +ESTABLISHED 198\.51\.100\.7:40001 +192\.0\.2\.1:80 +10\.77\.0\.2:80$/);
  });

  test("says that there are more than its limit, and lists all on demand", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const short = run(here, "--limit", "5");
    assert.equal(short.stdout.trim().split("\n").length, 1 + 5);
    assert.match(short.stderr, /^5 are listed and there are more/);
    const all = run(here, "--limit", "0");
    assert.equal(all.stdout.trim().split("\n").length, 1 + 12);
    assert.equal(all.stderr, "");
  });

  test("prints one JSON document, a line for a connection", (t) => {
    if (!need(t, ...NEEDS)) return;
    const { stdout, status } = run(populated(), "-o", "json", "--state", "SYN_RECV", "--service", "[2001:db8::1]:80");
    assert.equal(status, 0);
    const { connections, listed, more } = JSON.parse(stdout);
    assert.deepEqual([listed, more, connections.length], [1, false, 1]);
    const { expiresSeconds, slot, generation, ...rest } = connections[0];
    assert.ok(expiresSeconds > 50 && expiresSeconds < 62 && slot >= 0 && generation >= 0);
    assert.deepEqual(rest, {
      protocol: "tcp",
      state: "SYN_RECV",
      client: { address: "2001:db8:c::7", port: 40_000 },
      virtual: { address: "2001:db8::1", port: 80 },
      server: { address: "fd77::3", port: 80 },
      method: "nat",
      active: true,
    });
    assert.equal(stdout.split("\n").length, 4);
  });

  test("counts by state and by server", (t) => {
    if (!need(t, ...NEEDS)) return;
    const here = populated();
    const { stdout } = run(here, "--count");
    assert.match(stdout, /^12 connections: 6 active, 6 inactive, 0 templates\n/);
    assert.match(stdout, /^ESTABLISHED +4$/m);
    assert.match(stdout, /^10\.77\.0\.2:80 +1 +tcp 192\.0\.2\.1:80$/m);
    const { states, total } = JSON.parse(run(here, "--count", "-o", "json").stdout);
    assert.deepEqual([total, states.UDP], [12, 6]);
  });

  for (const [args, says] of [
    [["--state", "OPEN"], /no state OPEN/],
    [["--limit", "many"], /no number of connections/],
    [["--client", "198.51.100.0/40"], /prefix length/],
    [["--server", "ten"], /not an IPv4 or IPv6 address/],
    [["--protocol", "icmp"], /Allowed choices/],
  ] as const) {
    test(`refuses ${args.join(" ")} as wrong usage`, () => {
      const { stderr, status } = spawnSync(EVENKEEL, ["connections", ...args], { encoding: "utf8" });
      assert.match(stderr, says);
      assert.equal(status, 2);
    });
  }
});
