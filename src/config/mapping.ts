/** Reads one mapping of the file by its shape: every key checked by itself, so that a bad one hides nothing of the others. */

import type * as z from "zod";
import { type Complaint, type Path, quote } from "./complaint.ts";
import type { Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

export type Complain = (complaint: Complaint) => void;

export type Shape = Readonly<Record<string, z.ZodType>>;

/** The values that are right; a key that is wrong or missing is not in it. */
export type Fields<S extends Shape> = { readonly [Key in keyof S]?: z.output<S[Key]> };

export interface MappingReading<S extends Shape> {
  readonly fields: Fields<S>;
  /** The value of a key that the shape does not check. */
  readonly other: (key: string) => unknown;
}

export interface MappingRule<S extends Shape> {
  /** "a server" */
  readonly what: string;
  readonly shape: S;
  /** Keys whose values are read elsewhere. */
  readonly others?: readonly string[];
  /** What to say of an unknown key instead of listing those that are known. */
  readonly hint?: (key: string) => string | undefined;
}

/** What a key gives that is not there: the same each time, and much of a file is not there. */
const absences = new WeakMap<z.ZodType, z.ZodSafeParseResult<unknown>>();

function absent(schema: z.ZodType): z.ZodSafeParseResult<unknown> {
  const known = absences.get(schema);
  if (known !== undefined) return known;
  const result = schema.safeParse(undefined);
  absences.set(schema, result);
  return result;
}

export function readMapping<S extends Shape>(
  source: Pick<Source, "complaint">,
  value: unknown,
  path: Path,
  rule: MappingRule<S>,
  complain: Complain,
): MappingReading<S> | undefined {
  const keys = [...Object.keys(rule.shape), ...(rule.others ?? [])];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    complain(source.complaint(path, `${quote(value)} is not ${rule.what}; it is a mapping with the keys ${keys.join(", ")}`));
    return undefined;
  }
  const mapping = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(mapping)) {
    if (keys.includes(key)) continue;
    complain(source.complaint([...path, key], rule.hint?.(key) ?? unknownKey(key, keys), "key"));
  }
  const fields: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(rule.shape)) {
    const present = Object.hasOwn(mapping, key);
    const result = present ? schema.safeParse(mapping[key]) : absent(schema);
    if (result.success) fields[key] = result.data;
    else if (!present) complain(source.complaint(path, `the key "${key}" is missing`));
    else complain(source.complaint([...path, key, ...within(result.error)], result.error.issues[0]?.message ?? "not allowed"));
  }
  // Each field came out of its own schema.
  return { fields: fields as Fields<S>, other: (key) => mapping[key] };
}

/** Where in the value it is wrong: in a list, which item. */
function within(error: z.ZodError): (string | number)[] {
  return (error.issues[0]?.path ?? []).filter((step) => typeof step !== "symbol");
}

function unknownKey(key: string, keys: readonly string[]): string {
  const suggestion = didYouMean(key, keys);
  return `unknown key${suggestion === "" ? ";" : suggestion} allowed: ${keys.join(", ")}`;
}
