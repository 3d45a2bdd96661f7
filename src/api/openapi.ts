/** GET /openapi.json: the API's own description, OpenAPI 3.1, made of the schemas that requests are examined by. */

import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
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
  return {
    openapi: {
      openapi: "3.1.0",
      info: { title: TEXT.title, description: TEXT.description, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
      servers: [{ url: "/" }],
      ...(withToken
        ? { components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } }, security: [{ token: [] }] }
        : { security: [] }),
    },
    transform: createJsonSchemaTransform({ schemaRegistry: API_SCHEMAS as never }),
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
