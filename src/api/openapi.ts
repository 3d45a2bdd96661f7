/** GET /openapi.json: the API's own description, OpenAPI 3.1, made of the schemas that requests are examined by. */

import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { type ApiApp, answer, operation } from "./operation.ts";
import { API_SCHEMAS, said } from "./schemas/words.ts";

const TEXT = {
  title: "Evenkeel director",
  description: "Everything that can be asked of a director and done to it. Errors are problems (RFC 9457).",
};

const documentSchema = said(z.looseObject({ openapi: z.string() }), { description: "OpenAPI 3.1.", examples: [{ openapi: "3.1.0" }] });

export function documentOptions(version: string, { withToken }: { readonly withToken: boolean }): FastifyDynamicSwaggerOptions {
  const toObject = createJsonSchemaTransformObject({ schemaRegistry: API_SCHEMAS as never });
  const toSchema = createJsonSchemaTransform({ schemaRegistry: API_SCHEMAS as never });
  return {
    openapi: {
      openapi: "3.1.0",
      info: { title: TEXT.title, description: TEXT.description, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
      servers: [{ url: "/" }],
      ...(withToken
        ? { components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } }, security: [{ token: [] }] }
        : { security: [] }),
    },
    transform: (document) => {
      const made = toSchema(document);
      return { ...made, schema: withExamples(made.schema, document.schema) };
    },
    transformObject: (document) => withoutUnused(toObject(document) as OpenApi) as ReturnType<typeof toObject>,
  };
}

export function openApiRoute(app: ApiApp): void {
  app.get(
    "/openapi.json",
    { schema: operation({ id: "getDocument", tag: "probes", summary: "This document", answer: documentSchema }, {}) },
    (_request, reply) => answer(reply, app.swagger()),
  );
}

/** zod leaves out the examples of what it reads into something else: a text into an address, a number, a duration. */
function withExamples<Made extends FastifySchema>(made: Made, { body, querystring }: FastifySchema): Made {
  const properties = querystring instanceof z.ZodObject ? Object.entries(querystring.shape) : [];
  const inQuery = (made.querystring ?? {}) as { readonly properties?: Readonly<Record<string, object>> };
  const query = Object.fromEntries(properties.map(([name, field]) => [name, { ...inQuery.properties?.[name], ...examplesOf(field) }]));
  return {
    ...made,
    ...(made.body === undefined ? {} : { body: { ...(made.body as object), ...examplesOf(body) } }),
    ...(made.querystring === undefined ? {} : { querystring: { ...inQuery, properties: query } }),
  };
}

function examplesOf(schema: unknown): { readonly examples?: unknown[] } {
  if (schema instanceof z.ZodOptional) return examplesOf(schema.unwrap());
  const examples = schema instanceof z.ZodType ? API_SCHEMAS.get(schema)?.examples : undefined;
  return examples === undefined ? {} : { examples };
}

interface OpenApi {
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/** Each schema is made as it is read and as it is written; one of the two is enough. */
function withoutUnused(document: OpenApi): OpenApi {
  let schemas = document.components?.schemas ?? {};
  for (;;) {
    const text = JSON.stringify({ ...document, components: { ...document.components, schemas } });
    const used = Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
    if (used.length === Object.keys(schemas).length) return { ...document, components: { ...document.components, schemas } };
    schemas = Object.fromEntries(used);
  }
}
