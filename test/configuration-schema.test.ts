/** The JSON Schema, the parser and the examples know the same keys. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { checkKinds, checkKindsElsewhere } from "../src/checker/check-kinds.ts";
import { formatComplaint } from "../src/config/complaint.ts";
import { configurationJsonSchema } from "../src/config/json-schema.ts";
import { parseConfiguration } from "../src/config/parse.ts";

/** A schema, as far as it is walked here. */
interface Node {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly description?: string;
}

const schema: Node & { readonly $defs?: Readonly<Record<string, Node>> } = configurationJsonSchema(checkKinds);
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
const examples = globSync("examples/*.yaml");

/** What a schema has in its place: itself, what it refers to, and its branches. */
function branches(node: Node): Node[] {
  const named = node.$ref?.replace("#/$defs/", "");
  const meant = named === undefined ? node : (schema.$defs?.[named] ?? {});
  return [meant, ...(meant.anyOf ?? []).flatMap(branches)];
}

/** Every mapping that a file can have, by its path: "services[].servers[]". */
function mappings(node: Node, path: string): { readonly path: string; readonly properties: Readonly<Record<string, Node>> }[] {
  return branches(node).flatMap((branch) => [
    ...(branch.properties === undefined ? [] : [{ path, properties: branch.properties }]),
    ...Object.entries(branch.properties ?? {}).flatMap(([key, value]) => mappings(value, path === "" ? key : `${path}.${key}`)),
    ...(branch.items === undefined ? [] : mappings(branch.items, `${path}[]`)),
  ]);
}

test("the examples are right, for the parser and for the schema", () => {
  assert.deepEqual(examples.toSorted(), ["examples/every-key.yaml", "examples/simple.yaml"]);
  for (const file of examples) {
    const text = readFileSync(file, "utf8");
    const result = parseConfiguration(text, file, checkKindsElsewhere);
    assert.deepEqual("complaints" in result ? result.complaints.map(formatComplaint) : [], []);
    assert.equal(validate(parse(text)), true, JSON.stringify(validate.errors, null, 2));
  }
});

test("the schema refuses an unknown key, a value out of bounds, a bad duration and options of another kind", () => {
  const good = { address: "192.0.2.1", port: 80, servers: [] };
  assert.equal(validate({ services: [good] }), true);
  for (const bad of [
    { ...good, schedulr: "rr" },
    { ...good, port: 70_000 },
    { ...good, drain_deadline: "5 parsecs" },
    { ...good, checks: [{ http: { server_name: "a" } }] },
    { ...good, checks: ["htpp"] },
    { ...good, servers: [{ address: "10.0.0.1", weight: "3" }] },
  ])
    assert.equal(validate({ services: [bad] }), false, JSON.stringify(bad));
});

test("every key says in the schema what it is for", () => {
  const silent = mappings(schema, "").flatMap(({ path, properties }) =>
    Object.entries(properties).flatMap(([key, value]) => (value.description === undefined ? [`${path}.${key}`] : [])),
  );
  assert.deepEqual(silent, []);
});

test("the parser knows every key of the schema, and no other", () => {
  const seen = new Set<string>();
  for (const { path, properties } of mappings(schema, "")) {
    const keys = Object.keys(properties);
    // The branches of a check are one mapping to the parser.
    if (path.endsWith("checks[]") && seen.has(path)) continue;
    seen.add(path);
    const expected = path.endsWith("checks[]") ? [...keys.filter((key) => key !== checkKinds.names[0]), ...checkKinds.names] : keys;
    assert.deepEqual(keysOfParser(path).toSorted(), expected.toSorted(), path);
  }
  assert.ok(seen.size > 30, `${seen.size} mappings`);
});

/** What the parser says is allowed where an unknown key stands. */
function keysOfParser(path: string): string[] {
  const steps = path.split(/\.|(?=\[\])/).filter((step) => step !== "");
  const value = steps.reduceRight<unknown>((inner, step) => (step === "[]" ? [inner] : { [step]: inner }), { "no such key": 1 });
  const result = parseConfiguration(JSON.stringify(value), "file", checkKinds);
  assert.ok("complaints" in result);
  const found = result.complaints.find(({ text }) => text.startsWith("unknown key; allowed: "));
  assert.ok(found !== undefined, `${path}: ${result.complaints.map(formatComplaint).join("\n")}`);
  return found.text.replace("unknown key; allowed: ", "").split(", ");
}

test("the example of every key has every key", () => {
  const given = new Set<string>();
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const each of value) walk(each, `${path}[]`);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        given.add(`${path}.${key}`);
        walk(inner, `${path}.${key}`);
      }
    }
  };
  walk(parse(readFileSync("examples/every-key.yaml", "utf8")), "");
  // Kinds of checks and their options are in the help of `evenkeel probe`, and in docs/configuration.md.
  const missing = mappings(schema, "").flatMap(({ path, properties }) =>
    path.includes("checks[].") || path.endsWith("servers[].checks[]")
      ? []
      : Object.keys(properties)
          .map((key) => `${path === "" ? "" : `.${path}`}.${key}`)
          .filter((key) => !given.has(key) && !/checks\[\]\.(?:https|tls|udp|dns|ping|grpc|script|agent|tcp)$/.test(key)),
  );
  assert.deepEqual([...new Set(missing)], []);
});

test("docs/configuration.md has every key, and its examples are right", () => {
  const text = readFileSync("docs/configuration.md", "utf8");
  const words = new Set([...text.matchAll(/[\w$]+/g)].map(([word]) => word));
  const missing = mappings(schema, "").flatMap(({ path, properties }) =>
    Object.keys(properties)
      .filter((key) => !words.has(key))
      .map((key) => `${path}.${key}`),
  );
  assert.deepEqual(missing, []);
  for (const [, example = ""] of text.matchAll(/```yaml\n(.*?)```/gs)) {
    const indented = example.replaceAll(/^/gm, "    ");
    const whole = example.startsWith("services:")
      ? example
      : `services:\n  - address: 192.0.2.1\n    port: 80\n    method: nat\n    servers: [{ address: 10.0.0.1, weight: 5 }]\n${indented}`;
    const result = parseConfiguration(whole, "docs", checkKindsElsewhere);
    assert.deepEqual("complaints" in result ? result.complaints.map(formatComplaint) : [], []);
  }
});
