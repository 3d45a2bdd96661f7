/** Whatever bytes come, a check ends in a verdict: it never throws, hangs or leaves something open. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { look, openDescriptors } from "../src/checker/checker.contract.ts";
import type { CheckKind } from "../src/checker/index.ts";
import { dnsReply } from "./check-peers/dns-peer.ts";
import { answer, listen, speak } from "./check-peers/listen.ts";
import { grpcServer } from "./check-peers/sound-peers.ts";
import { randomFrom } from "./random.ts";

const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
const ROUNDS = 150;
const AT_ONCE = 30;

/** How sound answers begin, so that garbage gets past the first look. */
const BEGINNINGS: Partial<Record<CheckKind, readonly string[]>> = {
  http: ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"],
  https: ["\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", "\x15\x03\x03\x00\x02"],
  tls: ["\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", "\x16\x03\x01"],
  smtp: ["220 a\r\n", "220 a\r\n250-b\r\n", "220-"],
  grpc: ["\0\0\0\x04\0\0\0\0\0", "\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01", "\0\0\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\x01"],
  dns: ["\0\x1c\0\0\x81\x80\0\x01\0\x01"],
  agent: ["up ", "75"],
};

const cases: readonly [kind: CheckKind, options: object][] = [
  ["http", {}],
  ["http", { version: 2 }],
  ["https", {}],
  ["tls", {}],
  ["smtp", {}],
  ["grpc", {}],
  ["dns", { transport: "tcp" }],
  ["agent", {}],
];

for (const [kind, options] of cases)
  test(`${kind} ${JSON.stringify(options)} survives garbage over TCP (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const peer = await speak((socket) => talkGarbage(socket, random, BEGINNINGS[kind] ?? []));
    await survives(kind, peer.port, options);
    await peer.close();
  });

test(`grpc survives what garbles the bytes of a sound server (seed ${SEED})`, async () => {
  const random = randomFrom(SEED);
  const sound = await listen(grpcServer("SERVING"));
  const { connect } = await import("node:net");
  const peer = await speak((socket) => {
    const there = connect(sound.port, "127.0.0.1");
    there.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => there.destroy());
    socket.pipe(there);
    there.on("data", (piece) => socket.write(garbled(Buffer.from(piece), random)));
  });
  await survives("grpc", peer.port, {});
  await peer.close();
  await sound.close();
});

for (const [kind, options] of [
  ["dns", { name: "example.org", type: "A" }],
  ["udp", { contains: "x" }],
] as const)
  test(`${kind} survives garbage over UDP (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const peer = await answer((question) => (random() < 0.5 && kind === "dns" ? garbled(dnsReply(question), random) : bytes(random, 100)));
    await survives(kind, peer.port, options);
    await peer.close();
  });

async function survives(kind: CheckKind, port: number, options: object): Promise<void> {
  const before = await openDescriptors();
  for (let round = 0; round < ROUNDS; round += AT_ONCE) {
    const verdicts = await Promise.all(
      Array.from({ length: AT_ONCE }, () => look(kind, "127.0.0.1", port, options, AbortSignal.timeout(200))),
    );
    for (const verdict of verdicts) {
      assert.notEqual(verdict.outcome, "unable", JSON.stringify(verdict));
      assert.ok(verdict.durationMs < 5000);
    }
  }
  assert.ok((await openDescriptors(before + 5)) <= before + 5, "descriptors are left");
}

function talkGarbage(socket: Socket, random: () => number, beginnings: readonly string[]): void {
  const talk = (): void => {
    const beginning = beginnings[Math.floor(random() * (beginnings.length + 1))] ?? "";
    const garbage = Buffer.concat([Buffer.from(beginning, "latin1"), bytes(random, 400)]);
    const end = random();
    if (end < 0.7) socket.end(garbage);
    else socket.write(garbage, () => (end < 0.9 ? socket.resetAndDestroy() : undefined));
  };
  if (random() < 0.5) talk();
  else socket.once("data", talk);
  // Who does not read does not see the end either.
  socket.resume();
}

function bytes(random: () => number, most: number): Buffer {
  const printable = random() < 0.5;
  return Buffer.from(
    Array.from({ length: Math.floor(random() * most) }, () => (printable ? 10 + Math.floor(random() * 117) : Math.floor(random() * 256))),
  );
}

function garbled(whole: Buffer, random: () => number): Buffer {
  for (let i = 0; i < 1 + random() * 3 && whole.length > 0; i++) whole[Math.floor(random() * whole.length)] = Math.floor(random() * 256);
  return whole;
}
