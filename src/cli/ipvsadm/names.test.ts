import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { systemNames } from "./names.ts";

const names = systemNames();

test("a host has an address, and the address a name", () => {
  const address = names.hostAddress("localhost");
  assert.deepEqual(address, Uint8Array.from([127, 0, 0, 1]));
  assert.equal(typeof names.hostName(Uint8Array.from([127, 0, 0, 1])), "string");
});

test("an address is its own name's, in any form of inet_aton(3)", () => {
  assert.deepEqual(names.hostAddress("192.0.2.1"), Uint8Array.from([192, 0, 2, 1]));
  assert.deepEqual(names.hostAddress("192.2"), Uint8Array.from([192, 0, 0, 2]));
});

test("a port has a name by its protocol", { skip: !existsSync("/etc/services") && "no /etc/services (netbase)" }, () => {
  assert.equal(names.portOf("http", "tcp"), 80);
  assert.equal(names.serviceOf(80, "tcp"), "http");
  assert.equal(names.serviceOf(514, "udp"), "syslog");
  assert.equal(names.portOf("tftp", "tcp"), undefined);
});

test("what has no name or address has none, asked once or twice", () => {
  for (let time = 0; time < 2; time++) {
    assert.equal(names.hostAddress("nosuch.invalid"), undefined);
    assert.equal(names.portOf("nosuch", "tcp"), undefined);
    assert.equal(names.portOf("", "tcp"), undefined);
    assert.equal(names.serviceOf(65535, "sctp"), undefined);
    assert.equal(names.hostName(Uint8Array.from([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])), undefined);
  }
});
