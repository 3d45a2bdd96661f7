/** Ratios out of samples, and which goals they reach. */

import { combine, median, ratio } from "../measure.ts";
import type { Column } from "./columns.ts";
import type { Measured } from "./rounds.ts";
import { ROWS, type Row } from "./rows.ts";

/** Of kernel forwarding, in every column. */
export const GOAL = 0.9;

export interface Figure {
  /** In the column's unit. */
  readonly value: number;
  readonly ratio: number;
  /** Half of the rounds' ratios lie this far from the median or nearer. */
  readonly spread: number;
  /**
   * This ratio over that of the best of the peers that were measured; absent when none was. Ratios and not values are compared, because
   * the two ways differ by themselves: past the director a packet crosses the switch once more than through it.
   */
  readonly ahead?: { readonly ratio: number; readonly of: string };
}

/** Undefined where the row cannot do what the column asks. */
export function figureOf(measured: Measured, column: Column, row: Row): Figure | undefined {
  const own = ratiosOf(measured, column, row);
  if (own === undefined) return undefined;
  const middle = median(own);
  const peers = ROWS.flatMap((other) => {
    const ratios = other.job.kind === "peer" ? ratiosOf(measured, column, other) : undefined;
    return ratios === undefined ? [] : [{ ratio: ratio(own, ratios), of: other.id }];
  });
  const ahead = peers.toSorted((one, other) => one.ratio - other.ratio)[0];
  return {
    value: median(measured.get(column.id)?.get(row.id) ?? []),
    ratio: middle,
    spread: median(own.map((value) => Math.abs(value - middle))),
    ...(ahead === undefined ? {} : { ahead }),
  };
}

/** Of each round. */
function ratiosOf(measured: Measured, column: Column, row: Row): number[] | undefined {
  const own = measured.get(column.id)?.get(row.id);
  const base = measured.get(column.id)?.get(row.baseline);
  return own === undefined || base === undefined ? undefined : combine([own, base], (value, of) => value / of);
}

export function reaches(figure: Figure): boolean {
  // Judged as printed.
  return Math.round(figure.ratio * 100) >= GOAL * 100;
}

export function leads(figure: Figure): boolean {
  return figure.ahead === undefined || figure.ahead.ratio > 1;
}
