/** The API's manners: what it answers, how it refuses, and that each answer is as its document says. */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { z } from "zod";
import {
  appliedSchema,
  eventsSchema,
  measuresSchema,
  planSchema,
  problemSchema,
  statusSchema,
  versionsSchema,
} from "../src/api/schemas/director.ts";
import { connectionsSchema, serversSchema, servicesSchema } from "../src/api/schemas/views.ts";
import type { Problem } from "../src/api/types.ts";
import type { Connection } from "../src/director/connection-reader.ts";
import { parseAddress } from "../src/model/address.ts";
import { EditRefused } from "../src/model/edit-refused.ts";
import { configurationOf, MemoryDirector } from "./api/memory-director.ts";
import { type Answered, type Served, serve } from "./api/served.ts";

const CONFIGURATION = configurationOf({ services: 2, servers: 2 });
const YAML = { "content-type": "application/yaml" };
const JSON_BODY = { "content-type": "application/json" };

async function standing(t: TestContext): Promise<Served & { director: MemoryDirector }> {
  const director = new MemoryDirector(CONFIGURATION);
  return { director, ...(await serve(t, director)) };
}

function problemIn({ text, headers }: Answered): Problem {
  assert.equal(headers["content-type"], "application/problem+json; charset=utf-8");
  return problemSchema.parse(JSON.parse(text)) as Problem;
}

describe("what is asked", () => {
  const questions: readonly [path: string, schema: z.ZodType][] = [
    ["/v1/status", statusSchema],
    ["/v1/services", servicesSchema],
    ["/v1/services/web-1", servicesSchema],
    ["/v1/services/tcp%2011.0.0.1%3A80?history=true", servicesSchema],
    ["/v1/servers", serversSchema],
    ["/v1/servers?service=web-0&condition=up&overridden=false", serversSchema],
    ["/v1/servers?server=10.0.0.3", serversSchema],
    ["/v1/overrides", serversSchema],
    ["/v1/connections", connectionsSchema],
    ["/v1/configuration/history", versionsSchema],
    ["/v1/events?limit=10", eventsSchema],
    ["/v1/measures", measuresSchema],
  ];
  for (const [path, schema] of questions) {
    test(`${path} is answered as its schema says`, async (t) => {
      const { ask } = await standing(t);
      const { status, headers, text } = await ask({ path });
      assert.equal(status, 200, text);
      assert.equal(headers["content-type"], "application/json; charset=utf-8");
      schema.parse(JSON.parse(text));
    });
  }

  test("the present configuration is YAML, and JSON for who wants that", async (t) => {
    const { ask } = await standing(t);
    const yaml = await ask({ path: "/v1/configuration" });
    assert.equal(yaml.text, CONFIGURATION);
    assert.equal(yaml.headers["content-type"], "application/yaml; charset=utf-8");
    const json = await ask({ path: "/v1/configuration", headers: { accept: "application/json" } });
    const { version, text } = JSON.parse(json.text) as { version: { digest: string }; text: string };
    assert.equal(text, CONFIGURATION);
    assert.equal(yaml.headers["etag"], `"${version.digest}"`);
    const again = await ask({ path: "/v1/configuration", headers: { "if-none-match": `"${version.digest}"` } });
    assert.equal(again.status, 304);
  });

  test("readiness is 503 with what is wrong, and life is 200 all the same", async (t) => {
    const { ask, director } = await standing(t);
    assert.equal((await ask({ path: "/readyz" })).status, 200);
    director.troubles = ["the last change failed: no memory"];
    const { status, text } = await ask({ path: "/readyz" });
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(text), { ready: false, troubles: ["the last change failed: no memory"] });
    assert.equal((await ask({ path: "/healthz" })).status, 200);
  });

  test("connections come in pages, each going on where the one before ended", async (t) => {
    const { client, director } = await standing(t);
    const all = Array.from({ length: 25 }, (_, i) => connection(i * 3));
    director.slices.push({ connections: all.slice(0, 10), next: 30 }, { connections: all.slice(10, 10), next: 45 });
    director.slices.push({ connections: all.slice(10), next: undefined });
    for (const limit of [1, 4, 10, 24, 25, 26]) {
      const found: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await client.connections({ limit, ...(cursor === undefined ? {} : { cursor }) });
        assert.ok(page.connections.length <= limit);
        found.push(...page.connections.map(({ slot }) => slot));
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(
        found,
        all.map(({ slot }) => slot),
      );
    }
  });
});

describe("what is done", () => {
  test("a configuration is applied where the one that was meant is present, and else not", async (t) => {
    const { ask, director } = await standing(t);
    const put = (tag: string | undefined, query = "") =>
      ask({
        method: "PUT",
        path: `/v1/configuration?file=new.yaml${query}`,
        headers: { ...YAML, ...(tag === undefined ? {} : { "if-match": tag }) },
        body: "services: []\n",
      });
    const before = director.picture();
    const wrong = await put('"00"');
    assert.equal(wrong.status, 412);
    assert.equal(problemIn(wrong).code, "CONFLICT");
    assert.equal((await put('W/"00"')).status, 412);
    const dry = await put(undefined, "&dry-run=true");
    assert.ok(appliedSchema.parse(JSON.parse(dry.text)).plan.changes.length > 0);
    assert.equal(director.picture(), before);
    const { digest } = director.status().configuration;
    const done = await put(`"00", "${digest}"`);
    assert.equal(done.status, 200, done.text);
    const applied = appliedSchema.parse(JSON.parse(done.text));
    assert.equal(done.headers["etag"], `"${applied.version.digest}"`);
    assert.deepEqual([applied.version.by, applied.version.file, applied.version.id], [`uid ${process.getuid?.()}`, "new.yaml", 2]);
    assert.equal((await put("*")).status, 200);
  });

  test("a configuration that waits is confirmed once", async (t) => {
    const { client } = await standing(t);
    const { version } = await client.apply({ text: "services: []\n", file: "x.yaml", confirmWithinMs: 60_000 });
    assert.equal(version.state, "pending");
    assert.equal((await client.confirm()).state, "present");
    await assert.rejects(client.confirm(), { code: "CONFLICT" });
    assert.equal((await client.undo()).version.id, 3);
    assert.equal((await client.configuration()).text, CONFIGURATION);
    assert.equal((await client.configuration(2)).text, "services: []\n");
    await assert.rejects(client.configuration(99), { code: "NOT_FOUND" });
  });

  test("going back, keeping and reading anew heed If-Match too", async (t) => {
    const { ask, client } = await standing(t);
    const { version } = await client.apply({ text: "services: []\n", file: "x.yaml", confirmWithinMs: 60_000 });
    const post = (what: string, tag: string) => ask({ method: "POST", path: `/v1/configuration/${what}`, headers: { "if-match": tag } });
    for (const what of ["confirm", "reload", "undo"]) assert.equal((await post(what, '"00"')).status, 412, what);
    assert.equal((await client.status()).configuration.state, "pending");
    assert.equal((await post("confirm", `"${version.digest}"`)).status, 200);
    assert.equal((await post("undo", `"${version.digest}"`)).status, 200);
    assert.equal((await client.configuration()).text, CONFIGURATION);
    assert.equal((await post("undo", `"${version.digest}"`)).status, 412);
  });

  test("a plan is told, and complaints come each with its place", async (t) => {
    const { ask } = await standing(t);
    const path = "/v1/configuration/plan?file=x.yaml";
    const good = await ask({ method: "POST", path, headers: YAML, body: "services: []" });
    planSchema.parse(JSON.parse(good.text));
    const bad = await ask({ method: "POST", path, headers: YAML, body: "services:\n  - { addres: 1.2.3.4 }\n" });
    assert.equal(bad.status, 422);
    const { code, complaints = [], detail } = problemIn(bad);
    assert.equal(code, "BAD_CONFIGURATION");
    assert.ok(
      complaints.some(
        ({ line, column, path: at, text }) => line === 2 && column === 7 && at.startsWith("services[0]") && text.includes("did you mean"),
      ),
    );
    assert.match(detail, /^x\.yaml:2:/);
  });

  test("an override is set by resource and by reference, shown with who said it and why, and cleared", async (t) => {
    const { ask, client, director } = await standing(t);
    const path = "/v1/services/web-0/servers/10.0.0.1/override";
    const body = JSON.stringify({ kind: "drain", deadlineMs: 5000, reason: "new kernel" });
    const { status, text } = await ask({ method: "PUT", path, headers: JSON_BODY, body });
    assert.equal(status, 200, text);
    const [server] = serversSchema.parse(JSON.parse(text)).servers;
    assert.deepEqual(server?.override?.wish, { kind: "drain", deadlineMs: 5000 });
    assert.deepEqual([server?.override?.by, server?.override?.reason, server?.weight], [`uid ${process.getuid?.()}`, "new kernel", 0]);
    assert.equal((await client.servers({ overridden: true })).length, 1);
    await client.clearOverride({ server: "10.0.0.1" }, "weight");
    assert.equal((await client.servers({ overridden: true })).length, 1);
    assert.equal((await ask({ method: "DELETE", path })).status, 200);
    assert.equal((await client.servers({ overridden: true })).length, 0);
    await client.override({ server: "10.0.0.4:80" }, { kind: "weight", weight: 7 });
    assert.equal(director.servers({ server: "10.0.0.4" })[0]?.weight, 7);
    await assert.rejects(client.override({ server: "10.9.9.9" }, { kind: "disable" }), { code: "NO_SUCH_SERVER" });
    await assert.rejects(client.override({ server: "10.0.0.4", service: "mail" }, { kind: "disable" }), { code: "NO_SUCH_SERVICE" });
  });

  test("edits are made as if they were made here: all or none, and the refused one by its place", async (t) => {
    const { client, director } = await standing(t);
    const service = { address: parseAddress("2001:db8::10"), port: 80, protocol: "tcp" as const };
    const server = { address: parseAddress("2001:db8::11"), port: 80, weight: 2 ** 31 - 1, method: "nat" as const };
    const clientMask = parseAddress("ffff:ffff::");
    const head = { ...service, scheduler: "wlc" as const, persistence: { timeoutSeconds: 360, clientMask } };
    assert.deepEqual(
      await client.edit([
        { kind: "add-service", service: head },
        { kind: "add-server", service, server },
      ]),
      {
        refused: [],
        warnings: [],
      },
    );
    const made = director.plane.read().services.at(-1);
    assert.deepEqual(made?.persistence?.clientMask, clientMask);
    assert.deepEqual(made?.servers, [server]);
    const before = director.picture();
    const [again, gone] = [
      { kind: "add-service" as const, service: head },
      { kind: "delete-service" as const, service: { ...service, port: 81 } },
    ];
    await assert.rejects(client.edit([{ kind: "clear" }, { kind: "add-service", service: head }, gone]), (error) => {
      assert.ok(error instanceof EditRefused);
      assert.deepEqual([error.refusal.index, error.refusal.error.code], [2, "NO_SUCH_SERVICE"]);
      assert.equal(error.message, "there is no service tcp [2001:db8::10]:81");
      return true;
    });
    assert.equal(director.picture(), before);
    const { refused } = await client.edit([again, gone], { keepGoing: true });
    assert.deepEqual(
      refused.map(({ index, error }) => [index, error.code]),
      [
        [0, "SERVICE_EXISTS"],
        [1, "NO_SUCH_SERVICE"],
      ],
    );
    assert.equal((await client.forgetAdopted()).length, 1);
    assert.equal(director.plane.read().services.length, 2);
  });
});

describe("what is wrong", () => {
  const wrong: readonly [what: string, asked: Parameters<Served["ask"]>[0], status: number, code: string][] = [
    ["an unknown path", { path: "/v1/nothing" }, 404, "NOT_FOUND"],
    ["a method that is not taken", { method: "DELETE", path: "/v1/services/web-0" }, 405, "BAD_ARGUMENT"],
    ["a method that nobody knows here", { method: "PATCH", path: "/v1/status" }, 405, "BAD_ARGUMENT"],
    ["an unknown service", { path: "/v1/services/mail" }, 404, "NO_SUCH_SERVICE"],
    ["an unknown word in the query", { path: "/v1/servers?limt=1" }, 400, "BAD_ARGUMENT"],
    ["a word that is given twice", { path: "/v1/servers?service=a&service=b" }, 400, "BAD_ARGUMENT"],
    ["a limit that is none", { path: "/v1/connections?limit=0" }, 400, "BAD_ARGUMENT"],
    ["an address that is none", { path: "/v1/connections?client=10.0.0.999" }, 400, "BAD_ADDRESS"],
    ["an event that never happens", { path: "/v1/events?event=rain" }, 400, "BAD_ARGUMENT"],
    ["a broken escape in the path", { path: "/v1/services/%ff" }, 400, "BAD_ARGUMENT"],
    ["JSON that ends too soon", { method: "POST", path: "/v1/edits", headers: JSON_BODY, body: '{"edits":[' }, 400, "BAD_ARGUMENT"],
    [
      "JSON that reaches for a prototype",
      { method: "POST", path: "/v1/edits", headers: JSON_BODY, body: '{"__proto__":{},"edits":[]}' },
      400,
      "BAD_ARGUMENT",
    ],
    ["no body where one is needed", { method: "POST", path: "/v1/overrides" }, 400, "BAD_ARGUMENT"],
    ["YAML where JSON is wanted", { method: "POST", path: "/v1/edits", headers: YAML, body: "edits: []" }, 415, "BAD_ARGUMENT"],
    ["JSON where YAML is wanted", { method: "PUT", path: "/v1/configuration", headers: JSON_BODY, body: "{}" }, 415, "BAD_ARGUMENT"],
    [
      "a body of no known type",
      { method: "PUT", path: "/v1/configuration", headers: { "content-type": "image/png" }, body: "x" },
      415,
      "BAD_ARGUMENT",
    ],
    [
      "a body that is not UTF-8",
      { method: "PUT", path: "/v1/configuration", headers: YAML, body: Uint8Array.of(0x61, 0xff) },
      400,
      "BAD_ARGUMENT",
    ],
    [
      "a configuration that is too great",
      { method: "PUT", path: "/v1/configuration", headers: YAML, body: " ".repeat(4 * 1024 * 1024 + 1) },
      413,
      "BAD_ARGUMENT",
    ],
    [
      "a duration that is none",
      { method: "PUT", path: "/v1/configuration?confirm-within=soon", headers: YAML, body: "services: []" },
      400,
      "BAD_ARGUMENT",
    ],
    [
      "a weight that IPVS has no room for",
      { method: "POST", path: "/v1/overrides", headers: JSON_BODY, body: '{"server":"10.0.0.1","kind":"weight","weight":4294967296}' },
      400,
      "BAD_ARGUMENT",
    ],
  ];
  for (const [what, asked, status, code] of wrong) {
    test(`${what} is a problem with status ${status}, and changes nothing`, async (t) => {
      const { ask, director, bugs } = await standing(t);
      const before = director.picture();
      const answered = await ask(asked);
      assert.equal(answered.status, status, answered.text);
      const problem = problemIn(answered);
      assert.deepEqual([problem.code, problem.status], [code, status]);
      assert.equal(director.picture(), before);
      assert.deepEqual(bugs, []);
    });
  }

  test("a method that is not taken is told which are", async (t) => {
    const { ask } = await standing(t);
    const { headers } = await ask({ method: "PATCH", path: "/v1/configuration" });
    assert.equal(headers["allow"], "GET, HEAD, PUT");
  });

  test("a bug is told to the director and not to strangers", async (t) => {
    const { ask, director, bugs } = await standing(t);
    director.status = () => {
      throw new TypeError("secret of the house");
    };
    const answered = await ask({ path: "/v1/status" });
    assert.equal(answered.status, 500);
    assert.ok(!answered.text.includes("secret"));
    assert.equal(problemIn(answered).status, 500);
    assert.match(String(bugs[0]), /secret of the house/);
  });
});

function connection(slot: number): Connection {
  const end = { address: parseAddress("10.0.0.1"), port: 80 };
  return {
    slot,
    generation: 1,
    protocol: "tcp",
    state: "ESTABLISHED",
    expiresMs: 1000,
    client: end,
    virtual: end,
    server: end,
    serverNumber: 0,
    serviceNumber: 0,
    method: "nat",
    active: true,
    template: false,
    parent: undefined,
    children: 0,
    mark: undefined,
  };
}
