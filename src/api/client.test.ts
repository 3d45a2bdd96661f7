/** The typed client where no director, no good director, or something else answers. What a director answers is asked in test/. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type ClientOptions, DirectorClient } from "./client.ts";

/** At whose socket `answer` answers. */
async function clientOf(t: TestContext, answer: (socket: Socket) => void, options: ClientOptions): Promise<DirectorClient> {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-client-"));
  const socket = join(directory, "api.sock");
  const open = new Set<Socket>();
  const server = createServer((connection) => {
    open.add(connection);
    connection.on("error", () => {});
    connection.once("data", () => answer(connection));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => {
    for (const connection of open) connection.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return new DirectorClient({ socket }, options);
}

function http(status: number, type: string, body: string): string {
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}

describe("DirectorClient", () => {
  const answers: readonly [what: string, answer: (socket: Socket) => void, code: string][] = [
    ["hangs up", (socket) => socket.destroy(), "DIRECTOR_AWAY"],
    ["hangs up in the middle", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), "DIRECTOR_AWAY"],
    ["speaks something else", (socket) => socket.end("220 mail.example ESMTP\r\n"), "DIRECTOR_AWAY"],
    ["is another web server", (socket) => socket.end(http(200, "text/html", "<html>")), "DIRECTOR_AWAY"],
    ["is one with errors of its own", (socket) => socket.end(http(502, "text/html", "<html>")), "DIRECTOR_AWAY"],
    ["claims to have a problem, and has none", (socket) => socket.end(http(404, "application/problem+json", "{")), "DIRECTOR_AWAY"],
    ["says nothing", () => {}, "TIMEOUT"],
    ["says a little, and then nothing", (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), "TIMEOUT"],
  ];
  for (const [what, answer, code] of answers) {
    test(`says ${code} of what ${what}`, async (t) => {
      const client = await clientOf(t, answer, { timeoutMs: code === "TIMEOUT" ? 300 : 5000 });
      await assert.rejects(client.status(), { code });
      const following = (async () => {
        for await (const _ of client.follow({}, AbortSignal.timeout(4000))) assert.fail("there is nothing to follow");
      })();
      if (!what.includes("a little")) await assert.rejects(following, { code });
      else following.catch(() => {});
    });
  }

  test("says DIRECTOR_AWAY where there is no socket, or a file in its place, with what would help", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "evenkeel-client-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(join(directory, "file"), "");
    for (const name of ["none", "file"]) {
      await assert.rejects(new DirectorClient({ socket: join(directory, name) }).status(), { code: "DIRECTOR_AWAY", cure: /evenkeel run/ });
    }
  });

  test("stops asking at its signal", async (t) => {
    const end = new AbortController();
    const client = await clientOf(t, () => {}, { signal: end.signal });
    setTimeout(() => end.abort(), 50);
    await assert.rejects(client.status(), { name: "AbortError" });
  });
});
