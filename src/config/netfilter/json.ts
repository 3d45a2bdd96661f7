/** JSON that a program printed: whatever is asked of it, it has an answer. */

export type Json = unknown;

export function partOf(value: Json, name: string): Json {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

export function itemsOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function textIn(value: Json, name: string): string {
  const part = partOf(value, name);
  return typeof part === "string" ? part : "";
}

export function numberIn(value: Json, name: string): number | undefined {
  const part = partOf(value, name);
  return typeof part === "number" ? part : undefined;
}

/** Of an object with one part: its name and that part. */
export function onlyPart(value: Json): readonly [string, Json] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [first, ...more] = Object.entries(value);
  return more.length === 0 ? first : undefined;
}
