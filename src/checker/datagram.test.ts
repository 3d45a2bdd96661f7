import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dnsReply } from "../../test/check-peers/dns-peer.ts";
import { answer, closedPort, LOOPBACKS, speak } from "../../test/check-peers/listen.ts";
import { enterPrivateNetwork, SILENT, UNREACHABLE, UNROUTED } from "../../test/check-peers/private-network.ts";
import { need } from "../../test/need.ts";
import { look, withPeer } from "./checker.contract.ts";
import type { CheckKind } from "./index.ts";

enterPrivateNetwork();

describe("a UDP check", () => {
  for (const host of LOOPBACKS)
    test(`hears from ${host} by ICMP that a port is closed`, async () => {
      const verdict = await look("udp", host, await closedPort(host));
      assert.equal(verdict.outcome === "fail" && verdict.reason, "nothing listens there: the port is closed (ICMP)");
      assert.ok(verdict.durationMs < 250);
    });
  test("takes silence for well, and waits no longer than it is told to", async (t) => {
    if (!need(t, "root")) return;
    const verdict = await look("udp", SILENT.ipv4, 9, { silence_ms: 40 });
    assert.deepEqual([verdict.outcome, verdict.details], ["pass", { replyBytes: 0 }]);
    assert.ok(verdict.durationMs >= 39 && verdict.durationMs < 1000);
  });
  test("sends bytes and judges bytes", () =>
    withPeer(
      answer((question) => Buffer.from(question.toString("hex"))),
      "udp",
      { payload_hex: "00 ff 10", contains: "00ff10" },
      undefined,
    ));
  test("fails for another reply than the one that is asked for", () =>
    withPeer(
      answer(() => Buffer.from("no")),
      "udp",
      { contains: "yes" },
      /did not contain "yes"/,
    ));
  test("does not listen to others than its server", async () => {
    const stranger = await answer(() => undefined);
    const { createSocket } = await import("node:dgram");
    const other = createSocket("udp4");
    const peer = answer(() => undefined);
    const { port } = await peer;
    const verdict = look("udp", "127.0.0.1", port, { require_reply: true }, AbortSignal.timeout(80));
    other.send("hello", port, "127.0.0.1", () => other.close());
    assert.equal((await verdict).outcome, "fail");
    await Promise.all([stranger.close(), (await peer).close()]);
  });
});

describe("a DNS check", () => {
  const cases: [name: string, reply: (question: Buffer) => Buffer | undefined, options: object, reason: RegExp | undefined][] = [
    ["the record it is asked for", dnsReply, { name: "example.org", type: "A", answer: "192.0.2.1" }, undefined],
    [
      "another record",
      dnsReply,
      { name: "example.org", type: "A", answer: "192.0.2.2" },
      /^no record is "192.0.2.2"; there are "192.0.2.1"$/,
    ],
    ["no record", dnsReply, { name: "example.org", type: "AAAA", answer: "2001:db8::1" }, /there are none$/],
    ["another code", dnsReply, { name: "example.com" }, /^the response code is NXDOMAIN; NOERROR is expected$/],
    ["the code it is asked for", dnsReply, { name: "example.com", rcode: "NXDOMAIN" }, undefined],
    ["what is no answer", (question) => question, {}, /it is a question/],
    ["too little", () => Buffer.of(1, 2, 3), {}, /3 bytes of 12/],
    ["a name that points at itself", (question) => looping(question), { name: "example.org", type: "A" }, /a name points forward/],
  ];
  for (const [name, reply, options, reason] of cases)
    test(`that gets ${name} ${reason === undefined ? "passes" : "fails"}`, () => withPeer(answer(reply), "dns", options, reason));
  test("waits for its own answer, whatever else comes", async (t) => {
    if (!need(t, "root")) return;
    const wrong = (question: Buffer) => {
      const reply = dnsReply(question);
      reply.writeUInt16BE((reply.readUInt16BE(0) + 1) & 0xffff, 0);
      return reply;
    };
    await withPeer(answer(wrong), "dns", {}, /no whole answer within/, undefined, AbortSignal.timeout(60));
  });
  test("asks by TCP, also when the answer by UDP is cut", async () => {
    const asked: string[] = [];
    const stream = await speak((socket) =>
      socket.on("data", (piece: Buffer) => {
        asked.push("tcp");
        const reply = dnsReply(piece.subarray(2));
        const whole = Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]);
        // In pieces, as TCP may.
        socket.write(whole.subarray(0, 1), () => setTimeout(() => socket.write(whole.subarray(1)), 10));
      }),
    );
    const { createSocket } = await import("node:dgram");
    const datagrams = createSocket("udp4").on("message", (question, { port, address }) => {
      asked.push("udp");
      const reply = dnsReply(question);
      reply.writeUInt16BE(reply.readUInt16BE(2) | 0x0200, 2);
      datagrams.send(reply, port, address);
    });
    await new Promise<void>((done) => datagrams.bind(stream.port, "127.0.0.1", done));
    const options = { name: "example.org", type: "A", answer: "192.0.2.1" };
    assert.equal((await look("dns", "127.0.0.1", stream.port, options)).outcome, "pass");
    assert.equal((await look("dns", "127.0.0.1", stream.port, { ...options, transport: "tcp" })).outcome, "pass");
    assert.deepEqual(asked, ["udp", "tcp", "tcp"]);
    datagrams.close();
    await stream.close();
  });
});

describe("a ping", () => {
  test("goes to both families, with large packets too, many at once", async (t) => {
    if (!need(t, "root")) return;
    const verdicts = await Promise.all(
      Array.from({ length: 100 }, (_, i) => look("ping", i % 2 === 0 ? "127.0.0.1" : "::1", 0, { bytes: 8 + 15 * i })),
    );
    assert.ok(verdicts.every(({ outcome }) => outcome === "pass"));
  });
  test("tells a host and a network that are away", async (t) => {
    if (!need(t, "root")) return;
    for (const host of Object.values(UNREACHABLE)) assert.match(await reasonOf("ping", host), /^the host cannot be reached$/);
    for (const host of Object.values(UNROUTED)) assert.match(await reasonOf("ping", host), /^the network cannot be reached$/);
  });
  test("comes from the address it is bound to", async (t) => {
    if (!need(t, "root")) return;
    assert.equal((await look("ping", "127.0.0.1", 0, { bind: "127.0.0.5" })).outcome, "pass");
    assert.equal((await look("ping", "127.0.0.1", 0, { bind: "192.0.2.77" })).outcome, "unable");
  });
  test("is not fooled by the answer to another one", async (t) => {
    if (!need(t, "root")) return;
    const [silent, sound] = await Promise.all([
      look("ping", SILENT.ipv4, 0, {}, AbortSignal.timeout(60)),
      look("ping", "127.0.0.1", 0, {}),
    ]);
    assert.deepEqual([silent.outcome, sound.outcome], ["fail", "pass"]);
  });
});

/** The answer's name is a pointer to where it stands. */
function looping(question: Buffer): Buffer {
  const reply = dnsReply(question);
  reply.writeUInt16BE(0xc000 | question.length, question.length);
  return reply;
}

async function reasonOf(kind: CheckKind, host: string): Promise<string> {
  const verdict = await look(kind, host, 9);
  return verdict.outcome === "pass" ? "pass" : verdict.reason;
}
