import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeSctp, isSctpIntact, SctpChunk } from "./sctp.ts";

test("a packet is its ports, its tag, its sum, and chunks padded to words", () => {
  const bytes = encodeSctp({
    sourcePort: 40_000,
    destinationPort: 80,
    verificationTag: 0x01020304,
    chunks: [{ type: SctpChunk.COOKIE_ACK }, { type: SctpChunk.ABORT, flags: 1, value: Uint8Array.of(9) }],
  });
  assert.equal(Buffer.from(bytes.subarray(0, 8)).toString("hex"), "9c40005001020304");
  assert.equal(Buffer.from(bytes.subarray(12)).toString("hex"), "0b0000040601000509000000");
  assert.ok(isSctpIntact(bytes));
  for (let i = 0; i < bytes.length; i++) {
    const broken = bytes.slice();
    broken[i] = (broken[i] ?? 0) ^ 1;
    assert.ok(!isSctpIntact(broken), `byte ${i}`);
  }
});

test("the sum is that of RFC 3720 B.4: 32 bytes of zero give 8a9136aa", () => {
  // A packet of zeros: its own sum's place holds zero while it is summed.
  const bytes = encodeSctp({ sourcePort: 0, destinationPort: 0, chunks: [{ type: 0, value: new Uint8Array(16) }] });
  const view = new DataView(bytes.buffer);
  view.setUint32(8, 0);
  view.setUint16(14, 0);
  assert.equal(bytes.length, 32);
  view.setUint32(8, 0x8a9136aa, true);
  assert.ok(isSctpIntact(bytes));
});
