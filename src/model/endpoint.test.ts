import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAddress } from "./address.ts";
import { parseClient, parseEndpoint } from "./endpoint.ts";

describe("parseEndpoint()", () => {
  for (const [text, address, port] of [
    ["192.0.2.1", "192.0.2.1", undefined],
    ["192.0.2.1:80", "192.0.2.1", 80],
    ["192.0.2.1:0", "192.0.2.1", 0],
    ["2001:db8::1", "2001:db8::1", undefined],
    ["[2001:db8::1]", "2001:db8::1", undefined],
    ["[2001:db8::1]:443", "2001:db8::1", 443],
    ["::1:80", "::1:80", undefined],
  ] as const) {
    test(`reads ${text}`, () => {
      const found = parseEndpoint(text);
      assert.deepEqual([formatAddress(found.address), found.port], [address, port]);
    });
  }
  for (const text of ["", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:65536", "[192.0.2", "example.org:80"]) {
    test(`refuses "${text}"`, () => assert.throws(() => parseEndpoint(text), { name: "EvenkeelError" }));
  }
});

describe("parseClient()", () => {
  test("reads a network", () => assert.equal(parseClient("198.51.100.0/24").prefixLength, 24));
  test("reads an end with a port", () => assert.equal(parseClient("198.51.100.7:40000").port, 40_000));
  test("refuses more bits than there are", () => assert.throws(() => parseClient("198.51.100.0/33"), { code: "BAD_ARGUMENT" }));
});
