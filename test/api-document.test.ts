/** GET /openapi.json: it is OpenAPI 3.1, and speaks of every route with schemas, examples and problems. */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { MemoryDirector } from "./api/memory-director.ts";
import { complaintsAbout, examplesOf, type Node, nodeOf, operationsOf } from "./api/open-api-rules.ts";
import { serve } from "./api/served.ts";

async function document(t: TestContext): Promise<Node> {
  const { ask } = await serve(t, new MemoryDirector());
  const { status, text } = await ask({ path: "/openapi.json" });
  assert.equal(status, 200, text);
  return JSON.parse(text) as Node;
}

describe("the API's document", () => {
  test("is OpenAPI 3.1, and its examples are valid", async (t) => {
    assert.deepEqual(complaintsAbout(await document(t)), []);
  });

  test("is looked at closely: what is broken on purpose is found", async (t) => {
    const good = JSON.stringify(await document(t));
    const broken: readonly [what: string, from: string, to: string, complaint: RegExp][] = [
      ["version", '"openapi":"3.1.0"', '"openapi":"3.0.3"', /is not OpenAPI 3\.1/],
      ["key", '"operationId":"getStatus"', '"operationID":"getStatus"', /operationID does not belong/],
      ["reference", "#/components/schemas/Plan", "#/components/schemas/Plam", /can't resolve reference/],
      ["type", '"type":"integer"', '"type":"whole"', /schema is invalid/],
      ["example", '"pid":812', '"pid":"812"', /example is not valid/],
      ["path", "/v1/services/{service}", "/v1/services/{name}", /do not fit the path/],
      ["twice", '"operationId":"getKernel"', '"operationId":"getStatus"', /stands twice/],
    ];
    for (const [what, from, to, complaint] of broken) {
      assert.ok(good.includes(from), what);
      assert.match(complaintsAbout(JSON.parse(good.replaceAll(from, to)) as Node).join("\n"), complaint, what);
    }
  });

  test("gives every operation an answer with an example, and problems for 400, 401 and 500", async (t) => {
    const whole = await document(t);
    const operations = operationsOf(whole);
    assert.equal(operations.length, 29);
    for (const { name, node } of operations) {
      const responses = nodeOf(node["responses"]);
      for (const [type, media] of Object.entries(nodeOf(nodeOf(responses["200"])["content"]))) {
        assert.ok(examplesOf(whole, nodeOf(nodeOf(media)["schema"])).length > 0, `${name} ${type} has no example`);
      }
      for (const status of ["400", "401", "500"]) {
        const content = nodeOf(nodeOf(responses[status])["content"]);
        assert.deepEqual(Object.keys(content), ["application/problem+json"], `${name} ${status}`);
      }
      assert.ok(node["summary"] !== undefined && node["operationId"] !== undefined, name);
      const body = nodeOf(nodeOf(node["requestBody"])["content"]);
      for (const [type, media] of Object.entries(body)) {
        const has = nodeOf(media)["example"] !== undefined || examplesOf(whole, nodeOf(nodeOf(media)["schema"])).length > 0;
        assert.ok(has, `${name} takes ${type} without an example`);
      }
    }
  });
});
