import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import type { Phase } from "../../src/model/health.ts";
import { closedPort, listen, type Peer, speak } from "../../test/check-peers/listen.ts";
import { enterPrivateNetwork, UNREACHABLE, UNROUTED } from "../../test/check-peers/private-network.ts";
import { asNetServer, ownCertificate } from "../../test/check-peers/sound-peers.ts";
import { need } from "../../test/need.ts";
import { look, withPeer } from "./checker.contract.ts";
import type { CheckKind } from "./index.ts";

enterPrivateNetwork();

const OK = "HTTP/1.1 200 OK\r\n";

describe("an HTTP check", () => {
  const body = "one\ntwo 42\n";
  const asked: [name: string, options: object, reason: RegExp | undefined][] = [
    ["a text that is there", { contains: "two 4" }, undefined],
    ["a text that is not there", { contains: "three" }, /^the answer did not contain "three"$/],
    ["a pattern that matches", { matches: "two \\d+\n$" }, undefined],
    ["a pattern that does not match", { matches: "^two" }, /did not match "\^two"/],
    ["the right digest", { digest: `sha256:${createHash("sha256").update(body).digest("hex")}` }, undefined],
    ["the right digest as keepalived has it", { digest: `md5:${createHash("md5").update(body).digest("hex").toUpperCase()}` }, undefined],
    ["another digest", { digest: `sha1:${"0".repeat(40)}` }, /^the answer's sha1 is [0-9a-f]{40}$/],
    ["a status that is good", { status: "100-399" }, undefined],
    ["another status", { status: [204, "300-399"] }, /^the status is 200; good is 204, 300-399$/],
  ];
  for (const [name, options, reason] of asked)
    test(`asked for ${name} ${reason === undefined ? "passes" : "fails"}`, () =>
      withPeer(
        httpPeer((_, response) => response.end(body)),
        "http",
        options,
        reason,
      ));

  const answers: [name: string, say: (socket: Socket) => void, reason: RegExp | undefined, phase: Phase][] = [
    ["nothing and the end", (socket) => socket.end(), /nothing came/, "response"],
    ["another protocol", (socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"), /it begins with "SSH-/, "response"],
    ["a reset instead of an answer", (socket) => socket.resetAndDestroy(), /connection reset/, "response"],
    [
      "a reset within its body",
      (socket) => socket.write(`${OK}Content-Length: 10\r\n\r\nx`, () => setTimeout(() => socket.resetAndDestroy(), 20)),
      /connection reset/,
      "response",
    ],
    ["less body than it promised", (socket) => socket.end(`${OK}Content-Length: 10\r\n\r\nhello`), /ended within its body/, "response"],
    [
      "chunks that are none",
      (socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\nhello`),
      /a chunk's size|ended within/,
      "response",
    ],
    ["a head without end", (socket) => socket.write(`${OK}X: ${"y".repeat(40_000)}`), /more than 16384 bytes/, "response"],
    ["a body without end", (socket) => flood(socket, OK), undefined, "match"],
    ["a redirect", (socket) => socket.end("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), /the status is 302/, "match"],
    [
      "an early hint and its answer",
      (socket) => socket.end(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
      undefined,
      "match",
    ],
  ];
  for (const [name, say, reason, phase] of answers)
    test(`that gets ${name} ${reason === undefined ? "passes" : "fails"}`, () =>
      withPeer(
        speak((socket) => socket.once("data", () => say(socket))),
        "http",
        {},
        reason,
        phase,
      ));

  test("fails at its deadline when the answer drips", async () => {
    const drip = (socket: Socket): void => {
      const timer = setInterval(() => socket.write("x"), 5);
      socket.once("close", () => clearInterval(timer));
    };
    const peer = speak((socket) => socket.write(`${OK}Content-Length: 1000000\r\n\r\n`, () => drip(socket)));
    await withPeer(peer, "http", {}, /no whole answer within \d+ ms/, "response", AbortSignal.timeout(100));
  });
  test("fails a digest of a body that is longer than it reads", () =>
    withPeer(
      speak((socket) => flood(socket, OK)),
      "http",
      { digest: `md5:${"0".repeat(32)}` },
      /too long for a digest/,
    ));
  test("matches a body that was made to keep the pattern busy", () =>
    withPeer(
      httpPeer((_, response) => response.end(`${"a".repeat(60_000)}b`)),
      "http",
      { matches: "^(a+)+$" },
      /did not match/,
      "match",
      AbortSignal.timeout(3000),
    ));
  test("says what was asked for in head and body", async () => {
    let seen: unknown;
    const peer = httpPeer((request, response) => {
      const { method, url, headers } = request;
      request.on("data", (piece: Buffer) => {
        seen = { method, url, host: headers.host, token: headers["x-token"], agent: headers["user-agent"], said: piece.toString() };
      });
      request.on("end", () => response.end());
    });
    const options = { method: "POST", path: "/a?b=c", host: "www.example.org", headers: { "X-Token": 7, "user-agent": "me" }, body: "hi" };
    await withPeer(peer, "http", options, undefined);
    assert.deepEqual(seen, { method: "POST", url: "/a?b=c", host: "www.example.org", token: "7", agent: "me", said: "hi" });
  });
  test("waits for no body after HEAD", () =>
    withPeer(
      httpPeer((_, response) => response.writeHead(200, { "content-length": 5 }).end()),
      "http",
      { method: "HEAD" },
      undefined,
    ));
  test("tells a closed port, a host that is away and a network that is away apart", async (t) => {
    assert.match(await reasonOf("http", "127.0.0.1", await closedPort()), /^connection refused$/);
    if (!need(t, "root")) return;
    for (const host of Object.values(UNREACHABLE)) assert.match(await reasonOf("http", host, 80), /^the host cannot be reached$/);
    for (const host of Object.values(UNROUTED)) assert.match(await reasonOf("http", host, 80), /^the network cannot be reached$/);
  });
  test("cannot be made from an address that this host does not have, which says nothing about the server", async () => {
    const verdict = await look("http", "127.0.0.1", 80, { bind: "192.0.2.77" });
    assert.equal(verdict.outcome, "unable");
  });
  test("comes from the address it is bound to, and goes where the options say", async () => {
    let from: string | undefined;
    const peer = await httpPeer((request, response) => {
      from = request.socket.remoteAddress;
      response.end();
    });
    const verdict = await look("http", "127.0.0.9", 9, { address: "127.0.0.1", port: peer.port, bind: "127.0.0.7" });
    await peer.close();
    assert.equal(verdict.outcome, "pass");
    assert.equal(from, "127.0.0.7");
  });
});

describe("an HTTP/2 check", () => {
  const http2Peer = () =>
    listen(
      asNetServer(
        createHttp2Server((request, response) => {
          response.statusCode = request.url === "/well" ? 200 : 503;
          response.end(`${request.method} of ${request.authority}`);
        }),
      ),
    );
  test("speaks it at once without TLS", () =>
    withPeer(http2Peer(), "http", { version: 2, path: "/well", host: "a.example", contains: "GET of a.example" }, undefined));
  test("fails by status", () => withPeer(http2Peer(), "http", { version: "2", path: "/ill" }, /the status is 503/));
  test("agrees on it by ALPN", () =>
    withPeer(
      listen(asNetServer(createSecureServer(ownCertificate, (_, response) => response.end()) as never)),
      "https",
      { version: 2 },
      undefined,
    ));
  test("fails where only HTTP/1.1 is spoken", async () => {
    await withPeer(
      httpPeer((_, response) => response.end()),
      "http",
      { version: 2 },
      /./,
      "request",
    );
    await withPeer(listen(createHttpsServer(ownCertificate, (_, response) => response.end())), "https", { version: 2 }, /ALPN/, "tls");
  });
  test("fails when the stream or the session is reset", async () => {
    const resetting = asNetServer(createHttp2Server().on("stream", (stream) => stream.on("error", () => undefined).close(2)));
    await withPeer(listen(resetting), "http", { version: 2 }, /reset the stream \(code 2\)|INTERNAL_ERROR/);
    const leaving = asNetServer(createHttp2Server().on("stream", (stream) => stream.session?.goaway(11)));
    await withPeer(listen(leaving), "http", { version: 2 }, /GOAWAY, code 11|ENHANCE_YOUR_CALM|code 11/);
  });
});

function httpPeer(serve: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<Peer> {
  return listen(
    createHttpServer((request, response) => {
      serve(request, response);
    }),
  );
}

/** More than a check reads, and no end. */
function flood(socket: Socket, head: string): void {
  socket.write(`${head}\r\n${"x".repeat(300_000)}`);
}

async function reasonOf(kind: CheckKind, host: string, port: number, options: object = {}): Promise<string> {
  const verdict = await look(kind, host, port, options);
  return verdict.outcome === "pass" ? "pass" : verdict.reason;
}
