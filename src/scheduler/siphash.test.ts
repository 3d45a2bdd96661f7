import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sipHash13Word } from "./siphash.ts";

const MASK = (1n << 64n) - 1n;

test("the plain SipHash of this test is SipHash: the vector of its paper", () => {
  const message = Uint8Array.from({ length: 15 }, (_, i) => i);
  assert.equal(plainSipHash(2, 4, message, 0x0706050403020100n, 0x0f0e0d0c0b0a0908n), 0xa129ca6149be45e5n);
});

test("the quick SipHash-1-3 of a word is the low half of the plain one", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(word, fc.tuple(word, word), fc.tuple(word, word), (value, k0, k1) => {
      const message = Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
      const plain = plainSipHash(1, 3, message, wide(k0), wide(k1));
      assert.equal(BigInt(sipHash13Word(value, { k0, k1 })), plain & 0xffffffffn);
    }),
  );
});

function wide([high, low]: readonly [number, number]): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** As the paper tells it, word by word. */
function plainSipHash(compressions: number, finalizations: number, message: Uint8Array, k0: bigint, k1: bigint): bigint {
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & MASK;
      v1 = rotate(v1, 13n) ^ v0;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v3) & MASK;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = (v0 + v3) & MASK;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = (v2 + v1) & MASK;
      v1 = rotate(v1, 17n) ^ v2;
      v2 = rotate(v2, 32n);
    }
  };
  const padded = [...message, ...Array<number>(7 - (message.length % 8)).fill(0), message.length & 255];
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.slice(at, at + 8).reduce((value, byte, i) => value | (BigInt(byte) << BigInt(8 * i)), 0n);
    v3 ^= word;
    rounds(compressions);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(finalizations);
  return v0 ^ v1 ^ v2 ^ v3;
}
