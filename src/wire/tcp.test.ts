import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { decodeTcp, encodeTcp, TcpFlag } from "./tcp.ts";

const IPV4 = { source: parseAddress("198.51.100.7"), destination: parseAddress("192.0.2.1") };
const IPV6 = { source: parseAddress("2001:db8:c::7"), destination: parseAddress("2001:db8::1") };

const segment = {
  sourcePort: 40_000,
  destinationPort: 80,
  sequence: 0x01020304,
  acknowledgement: 0x0a0b0c0d,
  flags: TcpFlag.SYN,
  payload: new TextEncoder().encode("abcdefghijklm"),
};

const anySegment = fc.record(
  {
    sourcePort: fc.nat(65535),
    destinationPort: fc.nat(65535),
    sequence: fc.nat(0xffffffff),
    acknowledgement: fc.nat(0xffffffff),
    flags: fc.nat(255),
    window: fc.nat(65535),
    urgent: fc.nat(65535),
    options: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
    payload: fc.uint8Array({ maxLength: 100 }),
  },
  { noNullPrototype: true },
);

test("a TCP segment is what tshark finds no fault with, in either family", () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  assert.equal(hex(encodeTcp(segment, IPV4)), "9c400050010203040a0b0c0d5002ffff397e00006162636465666768696a6b6c6d");
  assert.equal(hex(encodeTcp(segment, IPV6)), "9c400050010203040a0b0c0d5002ffffca3400006162636465666768696a6b6c6d");
});

test("a TCP segment is decoded as it was encoded, with its checksum right", () => {
  fc.assert(
    fc.property(anySegment, fc.constantFrom(IPV4, IPV6), (value, ends) => {
      assert.deepEqual(decodeTcp(encodeTcp(value, ends), ends), { ...value, checksum: "right" });
    }),
  );
});

test("a segment between other ends has the wrong checksum", () => {
  const elsewhere = { ...IPV4, destination: parseAddress("192.0.2.2") };
  assert.equal(decodeTcp(encodeTcp(segment, IPV4), elsewhere).checksum, "wrong");
});

test("whatever bytes come, they are decoded or a BAD_PACKET", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        decodeTcp(bytes, IPV4);
      } catch (error) {
        if (!(error instanceof EvenkeelError && error.code === "BAD_PACKET")) throw error;
      }
    }),
  );
});
