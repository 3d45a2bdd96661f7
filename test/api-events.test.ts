/** The stream of events: nothing twice, nothing missed, an end of readers, and no reader that holds the director. */

import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry } from "../src/model/journal.ts";
import { MemoryDirector } from "./api/memory-director.ts";
import { type Served, serve } from "./api/served.ts";

const CAUSE = { kind: "health" } as const;

function warn(director: MemoryDirector, text: string): number {
  return director.tell({ event: "warning", text }, CAUSE);
}

/** Opened, and none of it read yet. */
function openStream({ server }: Served, headers: Record<string, string> = {}, path = "/v1/events/stream"): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: server.socket, path, headers, agent: false }, resolve);
    asked.on("error", reject);
    asked.end();
  });
}

async function readUntil(stream: IncomingMessage, enough: (text: string) => boolean): Promise<string> {
  let text = "";
  for await (const piece of stream.setEncoding("utf8") as AsyncIterable<string>) {
    text += piece;
    if (enough(text)) break;
  }
  return text;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await wait(10);
  }
  assert.fail(`${what} did not come to be`);
}

describe("events", () => {
  test("that come are followed, each with its number", async (t) => {
    const director = new MemoryDirector();
    const served = await serve(t, director);
    warn(director, "before");
    const stream = await openStream(served);
    assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(stream.headers["cache-control"], "no-store");
    await until("the follower", () => director.followers === 1);
    const seq = warn(director, "a\nb");
    const text = await readUntil(stream, (read) => read.includes("data:"));
    assert.ok(!text.includes("before"));
    const [, id, data] = /^id: (\d+)\ndata: (.*)\n\n$/m.exec(text.slice(text.indexOf("id:"))) ?? [];
    assert.equal(Number(id), seq);
    assert.deepEqual((JSON.parse(data ?? "") as JournalEntry).story, { event: "warning", text: "a\nb" });
  });

  test("since the last one that was read come first, and none is told twice while more come", async (t) => {
    const director = new MemoryDirector();
    const served = await serve(t, director);
    for (let i = 0; i < 20; i++) warn(director, `${i}`);
    const telling = setInterval(() => warn(director, "more"), 1);
    t.after(() => clearInterval(telling));
    const stream = await openStream(served, { "last-event-id": "5" });
    const text = await readUntil(stream, (read) => read.split("data:").length > 60);
    const numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => 6 + i),
    );
  });

  test("are followed by the typed client until it has enough, and then nobody follows", async (t) => {
    const director = new MemoryDirector();
    const { client } = await serve(t, director);
    const telling = setInterval(() => warn(director, "é".repeat(1000)), 2);
    t.after(() => clearInterval(telling));
    const found: number[] = [];
    const enough = new AbortController();
    for await (const { seq } of client.follow({}, enough.signal)) {
      found.push(seq);
      if (found.length === 100) enough.abort();
    }
    assert.ok(found.every((seq, i) => i === 0 || seq === (found[i - 1] ?? 0) + 1));
    await until("the end of following", () => director.followers === 0);
    for await (const _ of client.follow({ after: 3 }, new AbortController().signal)) break;
    await until("the end of following", () => director.followers === 0);
  });

  test("end when the director ends, which the typed client is told", async (t) => {
    const director = new MemoryDirector();
    const { client, server } = await serve(t, director);
    const reading = (async () => {
      for await (const _ of client.follow({}, new AbortController().signal)) assert.fail("nothing happens");
    })();
    reading.catch(() => {});
    await until("the follower", () => director.followers === 1);
    const begun = performance.now();
    await server.close();
    assert.ok(performance.now() - begun < 1500, `closing took ${performance.now() - begun} ms`);
    await assert.rejects(reading, { code: "DIRECTOR_AWAY" });
    assert.equal(director.followers, 0);
  });

  test("have room for 64 readers, and again when some of them left", async (t) => {
    const director = new MemoryDirector();
    const served = await serve(t, director);
    const streams = await Promise.all(Array.from({ length: 64 }, () => openStream(served)));
    const { status, text, headers } = await served.ask({ path: "/v1/events/stream" });
    assert.equal(status, 503);
    assert.equal((JSON.parse(text) as { code: string }).code, "LIMIT_REACHED");
    assert.equal(headers["retry-after"], "5");
    assert.equal((await served.ask({ path: "/healthz" })).status, 200);
    for (const stream of streams.slice(0, 8)) stream.destroy();
    await until("room", () => director.followers === 56);
    const another = await openStream(served);
    assert.equal(another.statusCode, 200);
    for (const stream of [another, ...streams]) stream.destroy();
    await until("the end of following", () => director.followers === 0);
  });

  test("of a reader that does not read wait, and hold nobody else", async (t) => {
    const director = new MemoryDirector();
    const served = await serve(t, director);
    const idle = await openStream(served);
    idle.pause();
    await until("the follower", () => director.followers === 1);
    for (let i = 0; i < 300; i++) warn(director, "x".repeat(50_000));
    await wait(200);
    const begun = performance.now();
    assert.equal((await served.ask({ path: "/v1/status" })).status, 200);
    assert.ok(performance.now() - begun < 500);
    idle.destroy();
    await until("the end of following", () => director.followers === 0);
  });
});
