/** Checks that read lines or messages: SMTP, agent, gRPC. */

import assert from "node:assert/strict";
import { createServer as createHttp2Server } from "node:http2";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Advice } from "../../src/model/health.ts";
import { listen, speak } from "../../test/check-peers/listen.ts";
import { asNetServer, grpcServer } from "../../test/check-peers/sound-peers.ts";
import { readAgentLine } from "./agent.ts";
import { look, withPeer } from "./checker.contract.ts";
import { Failure } from "./fault.ts";

describe("an SMTP check", () => {
  const cases: [name: string, replies: readonly string[], reason: RegExp | undefined][] = [
    ["a reply of several lines, in pieces", ["220 a\r", "\n250-b\r\n25", "0 c\r\n"], undefined],
    ["a server that is busy", ["421 try later\r\n"], /^the server said to greeting: "421 try later"; 220 is expected$/],
    ["a server that does not know EHLO", ["220 a\r\n", "502 what?\r\n"], /said to EHLO evenkeel.invalid: "502 what\?"/],
    ["another protocol", ["HTTP/1.1 400 Bad Request\r\n"], /does not speak SMTP here/],
    ["a line without end", ["2".repeat(3000)], /a line of more than 2048 bytes/],
    ["lines without end", [`220 a\r\n${"250-b\r\n".repeat(200)}`], /more than 100 lines/],
    ["the end of the connection", ["220 a\r\n", ""], /closed the connection too early/],
  ];
  for (const [name, replies, reason] of cases)
    test(`that gets ${name} ${reason === undefined ? "passes" : "fails"}`, () =>
      withPeer(
        speak((socket) => sayInTurn(socket, replies)),
        "smtp",
        {},
        reason,
      ));
  test("greets by the name it is given and takes its leave", async () => {
    let heard = "";
    const peer = await speak((socket) => {
      socket.write("220 a\r\n");
      socket.on("data", (piece) => {
        heard += piece.toString();
        socket.write("250 b\r\n");
      });
    });
    assert.equal((await look("smtp", "127.0.0.1", peer.port, { hello: "[192.0.2.1]" })).outcome, "pass");
    await new Promise((done) => setTimeout(done, 30));
    assert.equal(heard, "EHLO [192.0.2.1]\r\nQUIT\r\n");
    await peer.close();
  });
});

describe("an agent check", () => {
  const lines: [line: string, advice: Advice | undefined, refusal: string | undefined][] = [
    ["75%", { weight: { kind: "percent", percent: 75 } }, undefined],
    ["up 50%", { weight: { kind: "percent", percent: 50 } }, undefined],
    ["ready,up,200%", { weight: { kind: "percent", percent: 200 }, mode: "ready" }, undefined],
    ["DRAIN", { mode: "drain" }, undefined],
    ["maint # until five", { mode: "maintenance" }, undefined],
    ["down#disk # full", undefined, "the server says it is down: disk # full"],
    ["stopped", undefined, "the server says it is stopped"],
    ["fail\t10%", { weight: { kind: "percent", percent: 10 } }, "the server says it is fail"],
    ["up maxconn:30", undefined, undefined],
  ];
  for (const [line, advice, refusal] of lines)
    test(`reads ${JSON.stringify(line)}`, () =>
      assert.deepEqual(readAgentLine(line), { ...(advice && { advice }), ...(refusal !== undefined && { refusal }) }));
  test("refuses a line without any word it knows", () => {
    for (const line of ["", "hello", "75", "%", "# up"]) assert.throws(() => readAgentLine(line), /nothing that is understood/);
  });
  test("reads any line, or says that it cannot", () => {
    const word = fc.constantFrom("up", "down", "75%", "drain", "#", ",", "maxconn:", "é", "100000%");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(" ")),
        ),
        (line) => {
          try {
            readAgentLine(line);
          } catch (error) {
            assert.ok(error instanceof Failure);
          }
        },
      ),
    );
  });
  test("sends what the agent waits for, and reads a line that the end of the connection ends", () =>
    withPeer(
      speak((socket) => socket.once("data", (asked) => socket.end(`${asked.toString().trim()} up`))),
      "agent",
      { send: "state\n" },
      undefined,
    ));
  test("fails when the server says so", () =>
    withPeer(
      speak((socket) => socket.end("down\n")),
      "agent",
      {},
      /says it is down/,
    ));
  test("fails for a line without end", () =>
    withPeer(
      speak((socket) => socket.write("x".repeat(5000))),
      "agent",
      {},
      /more than 1024 bytes/,
    ));
});

describe("a gRPC check", () => {
  test("passes for a service that is serving", () =>
    withPeer(listen(grpcServer("SERVING", "shop.Cart")), "grpc", { service: "shop.Cart" }, undefined));
  test("fails for one that is not", () => withPeer(listen(grpcServer("NOT_SERVING")), "grpc", {}, /says it is NOT_SERVING/));
  test("fails for one that is not known", () =>
    withPeer(listen(grpcServer("SERVING", "shop.Cart")), "grpc", { service: "other" }, /answered NOT_FOUND: "unknown service"/));
  test("fails where no gRPC is spoken", async () => {
    const plain = asNetServer(createHttp2Server((_, response) => response.end("hello")));
    await withPeer(listen(plain), "grpc", {}, /does not speak gRPC here/);
    const absent = asNetServer(createHttp2Server((_, response) => response.writeHead(404).end()));
    await withPeer(listen(absent), "grpc", {}, /the HTTP status is 404/);
    await withPeer(
      speak((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
      "grpc",
      {},
      /./,
    );
  });
});

/** A reply after each thing that comes, the first at once. */
function sayInTurn(socket: Socket, replies: readonly string[]): void {
  const [first = "", ...rest] = replies;
  // Pieces that belong together come apart.
  socket.write(first, () => setTimeout(() => next(), 10));
  const next = (): void => {
    const reply = rest.shift();
    if (reply === "") socket.end();
    else if (reply !== undefined) socket.write(reply, () => setTimeout(next, 10));
  };
}
