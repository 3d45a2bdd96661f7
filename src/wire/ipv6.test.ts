import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { IpProtocol } from "./ipv4.ts";
import { decodeIpv6, decodeIpv6Header, encodeIpv6 } from "./ipv6.ts";

const packet = {
  source: parseAddress("2001:db8:c::7"),
  destination: parseAddress("2001:db8::1"),
  trafficClass: 0x28,
  flowLabel: 0xabcde,
  hopLimit: 61,
  nextHeader: IpProtocol.UDP,
  payload: new Uint8Array(11),
};

const isBadPacket = (error: unknown) => error instanceof EvenkeelError && error.code === "BAD_PACKET";

const anyAddress = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes);

test("an IPv6 header is what tshark finds no fault with", () => {
  const header = "628abcde000b113d20010db8000c0000000000000000000720010db8000000000000000000000001";
  assert.equal(Buffer.from(encodeIpv6(packet)).toString("hex", 0, 40), header);
});

test("an IPv6 packet is decoded as it was encoded", () => {
  const anyPacket = fc.record(
    {
      source: anyAddress,
      destination: anyAddress,
      trafficClass: fc.nat(255),
      flowLabel: fc.nat(0xfffff),
      nextHeader: fc.nat(255),
      hopLimit: fc.nat(255),
      payload: fc.uint8Array({ maxLength: 100 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anyPacket, (value) => {
      const { payloadLength, ...rest } = decodeIpv6(encodeIpv6(value));
      assert.deepEqual(rest, value);
      assert.equal(payloadLength, value.payload.length);
    }),
  );
});

test("whatever bytes come, they are decoded or a BAD_PACKET", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, likely) => {
      if (likely && bytes.length > 0) bytes[0] = 0x60;
      try {
        decodeIpv6(bytes);
      } catch (error) {
        if (!isBadPacket(error)) throw error;
      }
    }),
  );
});

test("padding behind the packet is left out, a packet that is cut is a BAD_PACKET, its header is not", () => {
  const bytes = encodeIpv6(packet);
  assert.deepEqual(decodeIpv6(Buffer.concat([bytes, new Uint8Array(6)])).payload, packet.payload);
  assert.throws(() => decodeIpv6(bytes.subarray(0, 50)), isBadPacket);
  assert.equal(decodeIpv6Header(bytes.subarray(0, 50)).payloadLength, 11);
});
