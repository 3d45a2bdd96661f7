/** Lists of the file, and whether a mapping has a key at all. */

import type * as z from "zod";
import { type Path, quote } from "./complaint.ts";
import type { Complain } from "./mapping.ts";
import type { Source } from "./source.ts";

/** A list that has to be there. */
export function readList(source: Source, value: unknown, path: Path, complain: Complain): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const key = path.at(-1);
  if (value === undefined)
    complain(source.complaint(path.slice(0, -1), `the key "${key}" is missing; it is a list, if need be an empty one: []`));
  else complain(source.complaint(path, `${quote(value)} is not a list`));
  return [];
}

/** A list of values of one type; those that are wrong are left out. */
export function readItems<Item extends z.ZodType>(
  source: Source,
  value: unknown,
  path: Path,
  item: Item,
  complain: Complain,
): z.output<Item>[] {
  return readList(source, value, path, complain).flatMap((each, i) => {
    const result = item.safeParse(each);
    if (result.success) return [result.data];
    complain(source.complaint([...path, i], result.error.issues[0]?.message ?? "not allowed"));
    return [];
  });
}

export function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}
