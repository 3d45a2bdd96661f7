/** Ratios out of samples, and which goals they reach. */

import { combine, median, ratio } from "../measure.ts";
import type { Column } from "./columns.ts";
import type { Measured } from "./rounds.ts";
import { PEERS, type Row } from "./rows.ts";

/** Of kernel forwarding, in every column. */
export const GOAL = 0.9;

export interface Figure {
  /** In the column's unit. */
  readonly value: number;
  readonly ratio: number;
  /** Half of the rounds' ratios lie this far from the median or nearer. */
  readonly spread: number;
  /** How often as fast as the best of the peers that was measured; absent when none was. */
  readonly ahead?: { readonly ratio: number; readonly of: string };
}

/** Undefined where the row cannot do what the column asks. */
export function figureOf(measured: Measured, column: Column, row: Row): Figure | undefined {
  const samples = measured.get(column.id);
  const own = samples?.get(row.id);
  const base = samples?.get(row.baseline);
  if (samples === undefined || own === undefined || base === undefined) return undefined;
  const ratios = combine([own, base], (value, of) => value / of);
  const middle = median(ratios);
  const peers = PEERS.flatMap((of) => {
    const other = samples.get(of);
    return other === undefined ? [] : [{ ratio: ratio(own, other), of }];
  });
  const ahead = peers.toSorted((one, other) => one.ratio - other.ratio)[0];
  return {
    value: median(own),
    ratio: middle,
    spread: median(ratios.map((value) => Math.abs(value - middle))),
    ...(ahead === undefined ? {} : { ahead }),
  };
}

export function reaches(figure: Figure): boolean {
  // Judged as printed.
  return Math.round(figure.ratio * 100) >= GOAL * 100;
}

export function leads(figure: Figure): boolean {
  return figure.ahead === undefined || figure.ahead.ratio > 1;
}
