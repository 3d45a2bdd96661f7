/** Which HTTP statuses are good: 200, "200-299", or a list of both. */

import * as z from "zod";
import { quote } from "../config/complaint.ts";

export interface StatusRange {
  readonly first: number;
  readonly last: number;
}

const allowed = 'a status is 100 to 999, a range is written "200-299", several stand in a list';

export const statuses = z
  .union([z.number(), z.string(), z.array(z.union([z.number(), z.string()])).min(1)], {
    error: ({ input }) => `${quote(input)} is not a status; ${allowed}`,
  })
  .transform((value, context): readonly StatusRange[] => {
    // "200,301-302" as one text is what a command line gives.
    const parts = (Array.isArray(value) ? value : [value]).flatMap((each) => String(each).split(/\s*,\s*/));
    return parts.map((part) => {
      const [, low, high = low] = /^(\d{3})(?:-(\d{3}))?$/.exec(part) ?? [];
      const range = { first: Number(low), last: Number(high) };
      if (range.first < 100 || range.last < range.first || low === undefined)
        context.issues.push({ code: "custom", message: `${quote(part)} is not a status; ${allowed}`, input: value });
      return range;
    });
  });

export function statusIsGood(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ first, last }) => status >= first && status <= last);
}

export function formatStatuses(ranges: readonly StatusRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}
