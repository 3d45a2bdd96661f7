import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EvenkeelError } from "../model/error.ts";
import { decodeEthernet, EtherType, encodeEthernet, formatMac, parseMac } from "./ethernet.ts";

const frame = {
  destination: parseMac("02:00:5e:00:53:01"),
  source: parseMac("02:00:5e:00:53:02"),
  type: EtherType.IPV6,
  payload: Uint8Array.of(1, 2, 3),
};

test("an Ethernet frame has destination, source, type and payload in this order", () => {
  assert.equal(Buffer.from(encodeEthernet(frame)).toString("hex"), "02005e00530102005e00530286dd010203");
});

test("an Ethernet frame is decoded as it was encoded", () => {
  assert.deepEqual(decodeEthernet(encodeEthernet(frame)), frame);
});

test("a frame shorter than its header is a BAD_PACKET", () => {
  for (let length = 0; length < 14; length++) {
    assert.throws(
      () => decodeEthernet(new Uint8Array(length)),
      (error) => error instanceof EvenkeelError && error.code === "BAD_PACKET",
    );
  }
});

test("a MAC address is the same after it was written and read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mac) => assert.deepEqual(parseMac(formatMac(mac)), Uint8Array.from(mac))),
  );
});

test("what is no MAC address is refused", () => {
  for (const text of ["", "02:00:5e:00:53", "02:00:5e:00:53:1", "02:00:5e:00:53:01:02", "02-00-5e-00-53-01", "0g:00:5e:00:53:01"]) {
    assert.throws(() => parseMac(text), EvenkeelError, text);
  }
});
