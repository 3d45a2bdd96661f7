import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { requireConfiguration } from "../config/parse.ts";
import { FORWARDING_METHODS } from "../model/service.ts";
import { directorConfiguration } from "./director.ts";
import { labOptions } from "./topology.ts";

describe("directorConfiguration()", () => {
  for (const method of FORWARDING_METHODS)
    test(`is a configuration without a complaint for ${method}`, () => {
      const { services } = requireConfiguration(directorConfiguration(labOptions({ method, servers: 4 })), "evenkeel.yaml").configuration;
      assert.equal(services.length, 6);
      assert.ok(services.every(({ servers }) => servers.length === 4 && servers.every((server) => server.method === method)));
    });

  test("maps a port where the method can", () => {
    const ports = (method: "nat" | "dr") =>
      requireConfiguration(directorConfiguration(labOptions({ method })), "evenkeel.yaml")
        .configuration.services.filter(({ port }) => port === 8080)
        .map(({ servers }) => servers[0]?.port);
    assert.deepEqual(ports("nat"), [8081, 8081]);
    assert.deepEqual(ports("dr"), [8080, 8080]);
  });
});
