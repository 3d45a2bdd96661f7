import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { formatAddress, parseAddress } from "./address.ts";

test("IPv6 has one text, as RFC 5952 wants it", () => {
  for (const text of [
    "::",
    "::1",
    "1::",
    "2001:db8::1",
    "2001:db8:1:2:3:4:5:6",
    "1:0:2:3:4:5:6:7",
    "1::2:0:0:3:4",
    "1:0:0:2::3",
    "1:2:3:4:5:6:7:0",
    "0:1:2:3:4:5:6:7",
    "::1:0:0:2:3",
    "::ffff:192.0.2.1",
    "::ffff:0.0.0.0",
    "1::ffff:0:0",
    "::ffff:0:0:0",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  ]) {
    assert.equal(formatAddress(parseAddress(text)), text);
  }
});

test("any address is read back from its text, and is what Node makes of it", () => {
  const byte = fc.oneof(fc.constant(0), fc.constant(0xff), fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (bytes) => {
      const text = formatAddress({ family: "ipv6", bytes: Uint8Array.from(bytes) });
      assert.deepEqual([...parseAddress(text).bytes], bytes);
      const whole = bytes.map((each, i) => each.toString(16).padStart(2, "0") + (i % 2 === 1 && i < 15 ? ":" : "")).join("");
      // Node writes ::/96 with a dotted end as well, which RFC 5952 does not ask for.
      if (!/^(0000:){6}/.test(whole)) assert.equal(text, new SocketAddress({ address: whole, family: "ipv6" }).address);
    }),
    { numRuns: 1000 },
  );
});

test("an IPv4 address ends an IPv6 address or is no part of it", () => {
  for (const text of ["::192.0.2.1", "2001:db8::192.0.2.1", "1:2:3:4:5:6:192.0.2.1"]) assert.equal(parseAddress(text).bytes[15], 1);
  for (const text of ["192.0.2.1::", "1:192.0.2.1::", "1:2:3:4:5:6:7:192.0.2.1", "::192.0.2.1:1"]) {
    assert.throws(() => parseAddress(text), { code: "BAD_ADDRESS" }, text);
  }
});
