/**
 * The rules of OpenAPI 3.1 that our document could break, asked of it object by object: each has the keys that the specification gives it and no others, references lead
 * somewhere, paths and their parameters agree, schemas are JSON Schema 2020-12 (by ajv, against the meta-schema), and every example is valid against its schema.
 */

import Ajv from "ajv/dist/2020.js";

export type Node = Readonly<Record<string, unknown>>;

interface Shape {
  readonly required?: readonly string[];
  readonly keys: readonly string[];
}

/** OpenAPI 3.1.0, section 4.8. */
const SHAPES = {
  document: {
    required: ["openapi", "info"],
    keys: ["openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags", "externalDocs"],
  },
  info: { required: ["title", "version"], keys: ["title", "summary", "description", "termsOfService", "contact", "license", "version"] },
  server: { required: ["url"], keys: ["url", "description", "variables"] },
  components: {
    keys: [
      "schemas",
      "responses",
      "parameters",
      "examples",
      "requestBodies",
      "headers",
      "securitySchemes",
      "links",
      "callbacks",
      "pathItems",
    ],
  },
  path: { keys: ["summary", "description", "servers", "parameters", "get", "put", "post", "delete", "options", "head", "patch", "trace"] },
  operation: {
    required: ["responses"],
    keys: [
      "tags",
      "summary",
      "description",
      "externalDocs",
      "operationId",
      "parameters",
      "requestBody",
      "responses",
      "callbacks",
      "deprecated",
      "security",
      "servers",
    ],
  },
  parameter: {
    required: ["name", "in", "schema"],
    keys: [
      "name",
      "in",
      "description",
      "required",
      "deprecated",
      "allowEmptyValue",
      "style",
      "explode",
      "allowReserved",
      "schema",
      "example",
      "examples",
    ],
  },
  requestBody: { required: ["content"], keys: ["description", "content", "required"] },
  response: { required: ["description"], keys: ["description", "headers", "content", "links"] },
  media: { keys: ["schema", "example", "examples", "encoding"] },
} as const satisfies Record<string, Shape>;

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

export interface Operation {
  readonly name: string;
  readonly node: Node;
}

/** What is wrong, a line each. */
export function complaintsAbout(document: Node): string[] {
  const complaints: string[] = [];
  const ask = (kind: keyof typeof SHAPES, node: Node, where: string) => complaints.push(...misshapen(SHAPES[kind], node, where));
  ask("document", document, "document");
  if (!/^3\.1\.\d+$/.test(text(document["openapi"]))) complaints.push("document: is not OpenAPI 3.1");
  ask("info", nodeOf(document["info"]), "info");
  for (const server of listOf(document["servers"])) ask("server", server, "servers");
  ask("components", nodeOf(document["components"]), "components");
  const schemas = new Schemas(document);
  for (const [name, schema] of Object.entries(nodeOf(nodeOf(document["components"])["schemas"]))) schemas.examine(nodeOf(schema), name);
  for (const [path, item] of Object.entries(nodeOf(document["paths"]))) {
    if (!path.startsWith("/")) complaints.push(`${path}: does not begin with /`);
    ask("path", nodeOf(item), path);
  }
  const operations = operationsOf(document);
  for (const { name, node } of operations) {
    ask("operation", node, name);
    const parameters = listOf(node["parameters"]);
    const inPath = parameters.filter((one) => one["in"] === "path");
    const wanted = [...name.matchAll(/\{(\w+)\}/g)].map(([, word]) => word);
    const named = inPath.map((one) => text(one["name"]));
    if (named.length !== wanted.length || wanted.some((word) => !named.includes(word ?? "")))
      complaints.push(`${name}: parameters do not fit the path`);
    for (const parameter of parameters) {
      ask("parameter", parameter, name);
      if (parameter["in"] === "path" && parameter["required"] !== true)
        complaints.push(`${name}: ${text(parameter["name"])} must be required`);
      schemas.examine({ ...nodeOf(parameter["schema"]), ...exampleOf(parameter) }, `${name} ${text(parameter["name"])}`);
    }
    const bodies = node["requestBody"] === undefined ? [] : [["request", nodeOf(node["requestBody"])] as const];
    for (const [, body] of bodies) ask("requestBody", body, name);
    for (const [status, response] of Object.entries(nodeOf(node["responses"]))) {
      if (!/^([1-5]\d\d|default)$/.test(status)) complaints.push(`${name}: ${status} is no status`);
      ask("response", nodeOf(response), `${name} ${status}`);
    }
    for (const [where, holder] of [
      ...bodies,
      ...Object.entries(nodeOf(node["responses"])).map(([status, one]) => [status, nodeOf(one)] as const),
    ]) {
      for (const [type, media] of Object.entries(nodeOf(holder["content"]))) {
        ask("media", nodeOf(media), `${name} ${where} ${type}`);
        schemas.examine({ ...nodeOf(nodeOf(media)["schema"]), ...exampleOf(nodeOf(media)) }, `${name} ${where} ${type}`);
      }
    }
  }
  const ids = operations.map(({ node }) => text(node["operationId"]));
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) complaints.push(`${id}: stands twice`);
  return [...complaints, ...schemas.complaints];
}

export function operationsOf(document: Node): Operation[] {
  return Object.entries(nodeOf(document["paths"])).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const node = nodeOf(item)[method];
      return node === undefined ? [] : [{ name: `${method.toUpperCase()} ${path}`, node: nodeOf(node) }];
    }),
  );
}

/** Its examples, also where a reference leads to. */
export function examplesOf(document: Node, schema: Node): readonly unknown[] {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(text(schema["$ref"]))?.[1];
  const found = name === undefined ? schema : nodeOf(nodeOf(nodeOf(document["components"])["schemas"])[name]);
  return (found["examples"] ?? (found["example"] === undefined ? [] : [found["example"]])) as readonly unknown[];
}

class Schemas {
  readonly complaints: string[] = [];
  readonly #ajv = new Ajv.default({ strict: false, validateFormats: false, allErrors: true });
  /** Problems stand at every operation. */
  readonly #seen = new Set<string>();

  constructor(document: Node) {
    this.#ajv.addSchema(atHome({ components: { schemas: nodeOf(document["components"])["schemas"] } }), HOME, undefined, false);
  }

  examine(schema: Node, where: string): void {
    const written = JSON.stringify(schema);
    if (this.#seen.has(written)) return;
    this.#seen.add(written);
    try {
      const validate = this.#ajv.compile(atHome(schema));
      for (const example of (schema["examples"] ?? []) as unknown[]) {
        if (!validate(example)) this.complaints.push(`${where}: its example is not valid: ${this.#ajv.errorsText(validate.errors)}`);
      }
    } catch (error) {
      this.complaints.push(`${where}: ${String(error)}`);
    }
  }
}

const HOME = "https://api.invalid/document";

/** The document's components are found from everywhere. */
function atHome(schema: Node): Node {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/components', `"$ref":"${HOME}#/components`)) as Node;
}

function misshapen({ keys, required = [] }: Shape, node: Node, where: string): string[] {
  const strange = Object.keys(node).filter((key) => !keys.includes(key) && !key.startsWith("x-"));
  const missing = required.filter((key) => node[key] === undefined);
  return [...strange.map((key) => `${where}: ${key} does not belong there`), ...missing.map((key) => `${where}: ${key} is missing`)];
}

function exampleOf({ example }: Node): Node {
  return example === undefined ? {} : { examples: [example] };
}

export function nodeOf(value: unknown): Node {
  return typeof value === "object" && value !== null ? (value as Node) : {};
}

function listOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.map(nodeOf) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
