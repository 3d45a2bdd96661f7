import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAddress } from "../../model/address.ts";
import { serverName, serviceName } from "../../model/service.ts";
import type { ServerReference } from "../director.ts";
import { serversMeant, servicesMeant } from "./references.ts";

const server = (address: string, port = 80) => ({ address: parseAddress(address), port });
const service = (name: string | undefined, address: string, port: number, protocol: "tcp" | "udp" = "tcp", mark = 0) => ({
  name,
  address: parseAddress(address),
  port,
  protocol,
  mark,
  servers: [server("10.0.0.1"), server("10.0.0.1", 81), server("fd00::1")],
});

const SERVICES = [
  service("web", "192.0.2.10", 80),
  service(undefined, "192.0.2.10", 443),
  service("dns", "192.0.2.10", 53, "udp"),
  service("web6", "2001:db8::10", 80),
  service(undefined, "0.0.0.0", 0, "tcp", 1),
  service(undefined, "::", 0, "tcp", 1),
];

const named = (reference: string): string[] => servicesMeant(reference, SERVICES).map(serviceName);

describe("a service is meant", () => {
  test("by its name, its address, its address and port, with its protocol or without", () => {
    assert.deepEqual(named("web"), ["tcp 192.0.2.10:80"]);
    assert.deepEqual(named("192.0.2.10"), ["tcp 192.0.2.10:80", "tcp 192.0.2.10:443", "udp 192.0.2.10:53"]);
    assert.deepEqual(named("192.0.2.10:53"), ["udp 192.0.2.10:53"]);
    assert.deepEqual(named("tcp 192.0.2.10"), ["tcp 192.0.2.10:80", "tcp 192.0.2.10:443"]);
    assert.deepEqual(named("tcp [2001:db8:0:0::10]:80"), ["tcp [2001:db8::10]:80"]);
  });

  test("by its mark, of one family or of both", () => {
    assert.deepEqual(named("mark 1"), ["mark 1 ipv4", "mark 1 ipv6"]);
    assert.deepEqual(named("mark 1 ipv6"), ["mark 1 ipv6"]);
  });

  test("by every name that lists show", () => {
    for (const each of SERVICES) assert.ok(servicesMeant(serviceName(each), SERVICES).includes(each));
  });

  test("by nothing else", () => {
    for (const wrong of ["wep", "192.0.2.11", "udp 192.0.2.10:80", "mark 2", "0.0.0.0", "tcp", ""])
      assert.throws(() => servicesMeant(wrong, SERVICES), { code: "NO_SUCH_SERVICE" }, wrong);
  });
});

describe("a server is meant", () => {
  const meant = (reference: ServerReference): string[] =>
    serversMeant(reference, SERVICES).map((each) => {
      const one = each.service.servers[each.server];
      return `${serviceName(each.service)} ${one === undefined ? "" : serverName(one)}`;
    });

  test("by its address, with its port or without, in one service or in all", () => {
    assert.deepEqual(meant({ service: "web", server: "10.0.0.1" }), ["tcp 192.0.2.10:80 10.0.0.1:80", "tcp 192.0.2.10:80 10.0.0.1:81"]);
    assert.deepEqual(meant({ service: "web", server: "[fd00::1]:80" }), ["tcp 192.0.2.10:80 [fd00::1]:80"]);
    assert.equal(meant({ server: "10.0.0.1:81" }).length, SERVICES.length);
  });

  test("by nothing else", () => {
    assert.throws(() => meant({ server: "10.0.0.2" }), { code: "NO_SUCH_SERVER" });
    assert.throws(() => meant({ server: "10.0.0.1:82" }), { code: "NO_SUCH_SERVER" });
    assert.throws(() => meant({ service: "wep", server: "10.0.0.1" }), { code: "NO_SUCH_SERVICE" });
  });
});
