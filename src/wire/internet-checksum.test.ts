import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { internetChecksum, transportChecksum } from "./internet-checksum.ts";

test("internetChecksum() is RFC 1071's of its own example", () => {
  assert.equal(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)), 0x220d);
});

test("internetChecksum() pads an odd last byte with zero", () => {
  assert.equal(internetChecksum(Uint8Array.of(0x12, 0x34, 0x56)), internetChecksum(Uint8Array.of(0x12, 0x34, 0x56, 0)));
});

test("internetChecksum() over bytes that hold their own checksum is zero", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 3000 }), (bytes) => {
      bytes.fill(0, 0, 2);
      new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, internetChecksum(bytes));
      assert.equal(internetChecksum(bytes), 0);
    }),
  );
});

test("internetChecksum() of the longest packet does not overflow", () => {
  assert.equal(internetChecksum(new Uint8Array(65535 + 40).fill(0xff)), 0x00ff);
});

test("transportChecksum() covers the addresses, the protocol and the length", () => {
  const ends = { source: parseAddress("192.0.2.1"), destination: parseAddress("192.0.2.2") };
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const sum = transportChecksum(ends, 17, bytes);
  assert.notEqual(transportChecksum({ ...ends, source: parseAddress("192.0.2.3") }, 17, bytes), sum);
  assert.notEqual(transportChecksum(ends, 6, bytes), sum);
  assert.notEqual(transportChecksum(ends, 17, Uint8Array.of(1, 2, 3, 4, 0, 0)), sum);
});
