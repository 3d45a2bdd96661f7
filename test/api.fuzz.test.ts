/**
 * Whatever is asked of the API, it answers: broken requests with a problem that is the asker's fault, and each of those leaves everything as it was. 100,000 of them, less
 * where the machine is slow: the test says how many.
 */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import { newApp } from "../src/api/app.ts";
import { SseReaders } from "../src/api/event-readers.ts";
import type { ApiApp } from "../src/api/operation.ts";
import { problemSchema } from "../src/api/schemas/director.ts";
import { configurationOf, MemoryDirector } from "./api/memory-director.ts";
import { type Asking, Mutations } from "./api/mutations.ts";
import { randomFrom } from "./random.ts";

const REQUESTS = 100_000;
const REQUESTS_MIN = 20_000;
const TIME_MS = 55_000;
/** A director that was changed much by requests that were right is begun anew. */
const OF_ONE_DIRECTOR = 200;

async function appOf(director: MemoryDirector, bugs: unknown[]): Promise<ApiApp> {
  const context = {
    director,
    readers: new SseReaders(1),
    nodeExporterNames: () => true,
    closing: new AbortController().signal,
    processMetrics: { metrics: async () => "" },
    onBug: (error: unknown) => bugs.push(error),
  };
  return await newApp(context, { withToken: false, newServer: (handler) => createServer(handler), identify: () => "fuzz" });
}

test("broken requests are refused as the asker's fault, and change nothing", async (t: TestContext) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 32);
  t.diagnostic(`SEED=${seed}`);
  const mutations = new Mutations(randomFrom(seed));
  const statuses = new Map<number, number>();
  const bugs: unknown[] = [];
  const until = performance.now() + TIME_MS;
  const configuration = configurationOf({ services: 2, servers: 2 });
  const director = new MemoryDirector(configuration);
  const app = await appOf(director, bugs);
  let before = director.picture();
  let asked = 0;
  for (; asked < REQUESTS && (asked < REQUESTS_MIN || performance.now() < until); asked++) {
    if (asked % OF_ONE_DIRECTOR === OF_ONE_DIRECTOR - 1) {
      director.begin(configuration);
      before = director.picture();
    }
    const request = mutations.next();
    const { statusCode, headers, body } = await app.inject(request as never);
    const said = () =>
      `SEED=${seed}, request ${asked}: ${shown(request)}\nanswered ${statusCode}: ${body}\n${bugs.map((bug) => (bug as Error).stack).join()}`;
    assert.ok(statusCode < 500 && bugs.length === 0, said());
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
    const after = director.picture();
    if (statusCode >= 400) {
      assert.equal(after, before, said());
      assert.equal(headers["content-type"], "application/problem+json; charset=utf-8", said());
      if (request.method !== "HEAD") assert.equal(problemSchema.parse(JSON.parse(body)).status, statusCode, said());
    }
    before = after;
  }
  await app.close();
  const refused = [...statuses].reduce((sum, [status, count]) => sum + (status >= 400 ? count : 0), 0);
  t.diagnostic(
    `${asked} requests, ${refused} refused: ${[...statuses]
      .toSorted(([one], [other]) => one - other)
      .map(([status, count]) => `${status}: ${count}`)
      .join(", ")}`,
  );
  assert.ok(asked >= REQUESTS_MIN && refused > asked / 3, `${refused} of ${asked} were refused`);
});

function shown({ method, url, headers, payload }: Asking): string {
  return `${method} ${url} ${JSON.stringify(headers)} ${JSON.stringify(typeof payload === "object" ? payload.toString("latin1") : payload)}`;
}
