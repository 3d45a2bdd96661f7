import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { addressText } from "./end-text.ts";

test("an address is written as inet_ntop(3) does, which Node has from the same source", () => {
  const byte = fc.oneof(fc.constant(0), fc.constant(0xff), fc.nat(255));
  fc.assert(
    fc.property(fc.nat(12), fc.array(byte, { minLength: 16, maxLength: 16 }), (zeros, bytes) => {
      const address = { family: "ipv6", bytes: Uint8Array.from(bytes, (each, i) => (i < zeros ? 0 : each)) } as const;
      const whole = Buffer.from(address.bytes)
        .toString("hex")
        .replaceAll(/(....)(?=.)/g, "$1:");
      assert.equal(addressText(address), new SocketAddress({ address: whole, family: "ipv6" }).address);
    }),
    { numRuns: 2000 },
  );
});
