import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { decodeIcmp, encodeIcmp, IcmpKind } from "./icmp.ts";

const IPV4 = { source: parseAddress("192.0.2.1"), destination: parseAddress("198.51.100.7") };
const IPV6 = { source: parseAddress("2001:db8::1"), destination: parseAddress("2001:db8:c::7") };

test("an ICMP error is what tshark finds no fault with, in either family", () => {
  const quote4 = Buffer.from("45280035123440003d063f2bc6336407c00002019c400050010203040a0b0c0d5002ffff397e0000", "hex");
  const header6 = "628abcde0021063d20010db8000c0000000000000000000720010db8000000000000000000000001";
  const quote6 = Buffer.from(`${header6}9c400050010203040a0b0c0d5002ffffca340000`, "hex");
  const [type4, code4] = IcmpKind.tooBig.ipv4;
  const [type6, code6] = IcmpKind.tooBig.ipv6;
  const four = encodeIcmp({ type: type4, code: code4, rest: 1480, body: quote4 }, IPV4);
  const six = encodeIcmp({ type: type6, code: code6, rest: 1460, body: quote6 }, IPV6);
  assert.equal(Buffer.from(four).toString("hex", 0, 8), "0304b704000005c8");
  assert.equal(Buffer.from(six).toString("hex", 0, 8), "02004a14000005b4");
});

test("an ICMP message is decoded as it was encoded, with its checksum right", () => {
  const anyMessage = fc.record(
    { type: fc.nat(255), code: fc.nat(255), rest: fc.nat(0xffffffff), body: fc.uint8Array({ maxLength: 100 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anyMessage, fc.constantFrom(IPV4, IPV6), (value, ends) => {
      assert.deepEqual(decodeIcmp(encodeIcmp(value, ends), ends), { ...value, checksum: "right" });
    }),
  );
});

test("IPv6's checksum covers the addresses, IPv4's does not", () => {
  const message = { type: 128, code: 0, rest: 1, body: new Uint8Array(4) };
  const elsewhere = (ends: typeof IPV4, text: string) => ({ ...ends, source: parseAddress(text) });
  assert.equal(decodeIcmp(encodeIcmp(message, IPV6), elsewhere(IPV6, "2001:db8::2")).checksum, "wrong");
  assert.equal(decodeIcmp(encodeIcmp(message, IPV4), elsewhere(IPV4, "192.0.2.2")).checksum, "right");
});

test("a message shorter than its header is a BAD_PACKET", () => {
  for (let length = 0; length < 8; length++) {
    assert.throws(
      () => decodeIcmp(new Uint8Array(length), IPV4),
      (error) => error instanceof EvenkeelError && error.code === "BAD_PACKET",
    );
  }
});
