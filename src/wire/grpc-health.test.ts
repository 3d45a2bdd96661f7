import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EvenkeelError } from "../model/error.ts";
import { decodeHealthResponse, encodeHealthRequest } from "./grpc-health.ts";

describe("encodeHealthRequest()", () => {
  test("names the service, or nothing for the server as a whole", () => {
    assert.deepEqual([...encodeHealthRequest("")], [0, 0, 0, 0, 0]);
    assert.deepEqual([...encodeHealthRequest("ab")], [0, 0, 0, 0, 4, 0x0a, 2, 97, 98]);
    assert.deepEqual([...encodeHealthRequest("x".repeat(300)).subarray(0, 8)], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
  });
});

describe("decodeHealthResponse()", () => {
  const cases: [name: string, message: number[], status: string | RegExp][] = [
    ["serving", [8, 1], "SERVING"],
    ["an empty message", [], "UNKNOWN"],
    ["the last of two", [8, 1, 8, 2], "NOT_SERVING"],
    ["fields it does not know", [0x12, 2, 9, 9, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 8, 1], "SERVING"],
    ["a status that does not exist", [8, 77], /its status is 77/],
    ["a number without end", [8, 0x80], /has no end/],
    ["a number that is too long", [8, ...Array<number>(11).fill(0x80)], /more than ten bytes/],
    ["a field that is longer than its message", [0x12, 9, 1], /longer than its message/],
    ["a field of a kind that does not exist", [0x0b], /of the kind 3/],
  ];
  for (const [name, message, status] of cases)
    test(`reads ${name}`, () => {
      const bytes = Uint8Array.of(0, 0, 0, 0, message.length, ...message);
      if (typeof status === "string") assert.equal(decodeHealthResponse(bytes), status);
      else assert.throws(() => decodeHealthResponse(bytes), status);
    });
  test("reads any bytes, or throws BAD_PACKET", () => {
    const framed = fc.uint8Array({ maxLength: 40 }).map((message) => Uint8Array.of(0, 0, 0, 0, message.length, ...message));
    fc.assert(
      fc.property(fc.oneof(framed, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        try {
          decodeHealthResponse(bytes);
        } catch (error) {
          assert.ok(error instanceof EvenkeelError && error.code === "BAD_PACKET", String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
