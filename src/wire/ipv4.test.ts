import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { decodeIpv4, decodeIpv4Header, encodeIpv4, IpProtocol } from "./ipv4.ts";

const packet = {
  source: parseAddress("198.51.100.7"),
  destination: parseAddress("192.0.2.1"),
  tos: 0x28,
  identification: 0x1234,
  ttl: 61,
  protocol: IpProtocol.UDP,
  payload: new Uint8Array(21),
};

const isBadPacket = (error: unknown) => error instanceof EvenkeelError && error.code === "BAD_PACKET";

const anyPacket = fc.record(
  {
    source: fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes),
    destination: fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes),
    tos: fc.nat(255),
    identification: fc.nat(65535),
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.nat(8191).map((words) => words * 8),
    ttl: fc.nat(255),
    protocol: fc.nat(255),
    options: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
    payload: fc.uint8Array({ maxLength: 100 }),
  },
  { noNullPrototype: true },
);

test("an IPv4 header is what tshark finds no fault with", () => {
  assert.equal(Buffer.from(encodeIpv4(packet)).toString("hex", 0, 20), "45280029123440003d113f2cc6336407c0000201");
});

test("an IPv4 packet is decoded as it was encoded, with its checksum right", () => {
  fc.assert(
    fc.property(anyPacket, (value) => {
      const { headerBytes, totalLength, checksum, ...rest } = decodeIpv4(encodeIpv4(value));
      assert.deepEqual(rest, value);
      assert.deepEqual(
        { headerBytes, totalLength, checksum },
        { headerBytes: 20 + value.options.length, totalLength: 20 + value.options.length + value.payload.length, checksum: "right" },
      );
    }),
  );
});

test("any single bit of the header that is turned is noticed", () => {
  fc.assert(
    fc.property(anyPacket, fc.nat(19), fc.nat(7), (value, at, bit) => {
      const bytes = encodeIpv4(value);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      try {
        assert.equal(decodeIpv4Header(bytes).checksum, "wrong");
      } catch (error) {
        if (!isBadPacket(error)) throw error;
      }
    }),
  );
});

test("whatever bytes come, they are decoded or a BAD_PACKET", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, likely) => {
      if (likely && bytes.length > 0) bytes[0] = 0x45;
      try {
        decodeIpv4(bytes);
      } catch (error) {
        if (!isBadPacket(error)) throw error;
      }
    }),
  );
});

test("padding behind the packet is left out, a packet that is cut is a BAD_PACKET, its header is not", () => {
  const bytes = encodeIpv4(packet);
  assert.deepEqual(decodeIpv4(Buffer.concat([bytes, new Uint8Array(6)])).payload, packet.payload);
  assert.throws(() => decodeIpv4(bytes.subarray(0, 28)), isBadPacket);
  assert.equal(decodeIpv4Header(bytes.subarray(0, 28)).totalLength, 41);
});

test("a value that its field cannot hold is a bug of the caller", () => {
  for (const wrong of [{ ttl: 256 }, { tos: -1 }, { fragmentOffset: 4 }, { options: new Uint8Array(3) }, { options: new Uint8Array(44) }]) {
    assert.throws(() => encodeIpv4({ ...packet, ...wrong }), RangeError, JSON.stringify(wrong));
  }
});
