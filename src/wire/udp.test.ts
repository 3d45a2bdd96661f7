import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { decodeUdp, encodeUdp } from "./udp.ts";

const IPV4 = { source: parseAddress("198.51.100.7"), destination: parseAddress("192.0.2.1") };
const IPV6 = { source: parseAddress("2001:db8:c::7"), destination: parseAddress("2001:db8::1") };

const datagram = { sourcePort: 40_000, destinationPort: 80, payload: Uint8Array.of(1, 2, 3) };
const checksumOf = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint16(6);

test("a UDP datagram is what tshark finds no fault with, in either family", () => {
  const letters = { ...datagram, payload: new TextEncoder().encode("abcdefghijklm") };
  assert.equal(Buffer.from(encodeUdp(letters, IPV4)).toString("hex"), "9c4000500015a38a6162636465666768696a6b6c6d");
  assert.equal(Buffer.from(encodeUdp(datagram, IPV6)).toString("hex"), "9c400050000b03c0010203");
});

test("a UDP datagram is decoded as it was encoded, with its checksum right", () => {
  const anyDatagram = fc.record(
    { sourcePort: fc.nat(65535), destinationPort: fc.nat(65535), payload: fc.uint8Array({ maxLength: 100 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anyDatagram, fc.constantFrom(IPV4, IPV6), (value, ends) => {
      assert.deepEqual(decodeUdp(encodeUdp(value, ends), ends), { ...value, checksum: "right" });
    }),
  );
});

test("a checksum that comes out as zero is written as 0xffff, and is right", () => {
  const sums = Array.from({ length: 65536 }, (_, word) => encodeUdp({ ...datagram, payload: Uint8Array.of(word >> 8, word & 0xff) }, IPV4));
  assert.ok(!sums.some((bytes) => checksumOf(bytes) === 0));
  const [twin] = sums.filter((bytes) => checksumOf(bytes) === 0xffff);
  assert.equal(twin && decodeUdp(twin, IPV4).checksum, "right");
});

test("a datagram without a checksum says so", () => {
  const bytes = encodeUdp(datagram, IPV4, { checksum: false });
  assert.equal(checksumOf(bytes), 0);
  assert.equal(decodeUdp(bytes, IPV4).checksum, "none");
});

test("padding behind the datagram is left out, and whatever bytes come, they are decoded or a BAD_PACKET", () => {
  assert.deepEqual(decodeUdp(Buffer.concat([encodeUdp(datagram, IPV4), new Uint8Array(5)]), IPV4).payload, datagram.payload);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeUdp(bytes, IPV4);
      } catch (error) {
        if (!(error instanceof EvenkeelError && error.code === "BAD_PACKET")) throw error;
      }
    }),
  );
});
