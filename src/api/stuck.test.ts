import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { cutWhenStuck } from "./stuck.ts";

/** A busy machine may need most of it for the next piece. */
const LOOK_MS = 300;

/** What the server makes of a client that reads as it likes. */
async function answering(t: TestContext, write: (response: ServerResponse) => void, pauseMs: number): Promise<"read" | "cut"> {
  const server = createServer((_request, response) => {
    cutWhenStuck(response, LOOK_MS);
    write(response);
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const asked = get({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, agent: false });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.pause();
  await wait(pauseMs);
  return await new Promise((resolve) => {
    response.on("end", () => resolve("read"));
    response.on("error", () => resolve("cut"));
    response.resume();
  });
}

describe("cutWhenStuck()", () => {
  test("closes the connection of a client that does not read", async (t) => {
    assert.equal(await answering(t, (response) => response.end(Buffer.alloc(64 * 1024 * 1024)), 10 * LOOK_MS), "cut");
  });

  test("leaves alone who reads, and who has nothing to read for long", async (t) => {
    assert.equal(await answering(t, (response) => response.end(Buffer.alloc(64 * 1024 * 1024)), 0), "read");
    const slowly = (response: ServerResponse) => {
      response.write("begun");
      setTimeout(() => response.end("done"), 8 * LOOK_MS);
    };
    assert.equal(await answering(t, slowly, 10 * LOOK_MS), "read");
  });
});
