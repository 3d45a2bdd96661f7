/** What the OpenAPI document says of a schema beside its form: a name, a sentence, examples. */

import { z } from "zod";

export interface SchemaWords {
  /** Under which it stands among the document's components. */
  readonly id?: string;
  readonly description?: string;
  readonly examples?: unknown[];
}

export const API_SCHEMAS = z.registry<SchemaWords>();

/** The schema, with words. */
export function said<Schema extends z.ZodType>(schema: Schema, words: SchemaWords | string): Schema {
  API_SCHEMAS.add(schema, typeof words === "string" ? { description: words } : words);
  return schema;
}
