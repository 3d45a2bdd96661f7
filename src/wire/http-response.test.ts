import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EvenkeelError } from "../model/error.ts";
import { type HttpResponse, HttpResponseReader } from "./http-response.ts";

const CASES: readonly [name: string, text: string, whole: boolean, body: string][] = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "hello"],
  ["no length: until the end", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello", true, "hello"],
  [
    "chunks, with extensions and trailers",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n",
    true,
    "hello",
  ],
  ["no reason", "HTTP/1.1 204\r\n\r\n", true, ""],
  ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", true, "hello"],
  ["interim answers first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "ok"],
  ["a body longer than is kept", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(200)}`, false, "x".repeat(100)],
  ["a body of just what is kept", `HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n${"x".repeat(100)}`, true, "x".repeat(100)],
];

const BROKEN: readonly [text: string, why: RegExp][] = [
  ["", /nothing came/],
  ["HTTP/1.1 200 OK\r\nA: b", /ended within its head/],
  ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", /ended within its body/],
  ["SSH-2.0-OpenSSH_9.2\r\n", /begins with "S/],
  ["HTTP/2 200\r\n\r\n", /its first line is/],
  ["HTTP/1.1 099 x\r\n\r\n", /its first line is/],
  ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", /a header is "no colon"/],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", /its length is "5, 6"/],
  ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", /its length is "-1"/],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", /a chunk's size is "zz"/],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", /a chunk is longer/],
  [`HTTP/1.1 200 OK\r\nA: ${"b".repeat(20_000)}`, /more than 16384 bytes/],
  [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${"X: y\r\n".repeat(100)}`, /trailers have no end/],
];

describe("HttpResponseReader", () => {
  for (const [name, text, whole, body] of CASES)
    test(`reads ${name}, however it is cut`, () => {
      for (const size of [1, 2, 3, 7, 10_000]) {
        const response = read(Buffer.from(text), size);
        assert.equal(Buffer.from(response.body).toString(), body);
        assert.equal(response.whole, whole);
      }
    });
  for (const [text, why] of BROKEN)
    test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      for (const size of [1, 10_000]) assert.throws(() => read(Buffer.from(text), size), why);
    });
  test("reads no body in the answer to a HEAD", () => {
    const reader = new HttpResponseReader({ bodyless: true, bodyBytesMax: 100 });
    assert.equal(reader.feed(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"))?.whole, true);
  });
  test("joins headers of the same name, whatever its case", () => {
    const { head } = read(Buffer.from("HTTP/1.1 200 OK\r\nA:  b \r\na: c\r\n\r\n"), 1);
    assert.equal(head.headers.get("a"), "b, c");
  });
  test("gives a response or BAD_PACKET for any bytes", () => {
    const text = fc.constantFrom(...CASES.map(([, each]) => each), ...BROKEN.map(([each]) => each));
    const mutated = fc.tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 5 })).map(([whole, changes]) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), fc.integer({ min: 1, max: 400 }), (bytes, size) => {
        try {
          const { head, body } = read(bytes, size);
          assert.ok(head.status >= 200 && head.status <= 999 && body.length <= 100);
        } catch (error) {
          assert.ok(error instanceof EvenkeelError && error.code === "BAD_PACKET", String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function read(bytes: Uint8Array, pieceBytes: number): HttpResponse {
  const reader = new HttpResponseReader({ bodyless: false, bodyBytesMax: 100 });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const response = reader.feed(bytes.subarray(at, at + pieceBytes));
    if (response !== undefined) return response;
  }
  return reader.end();
}
