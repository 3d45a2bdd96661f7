/** From samples to figures, and to what they say of the goals. */

import type { Sample } from "./guest.ts";
import { baseOf, GOALS, type Goal, ROWS, type Row, rowName } from "./rows.ts";

export interface Figure {
  readonly row: Row;
  readonly name: string;
  /** Instructions a packet from its way in to its end. */
  readonly total: number;
  /** Less what a packet costs that ends where it comes in. */
  readonly net: number;
  /** How far the two least samples lie apart, as a share of the whole. */
  readonly spread: number;
}

export interface Judged {
  readonly goal: Goal;
  readonly ipvs: number;
  readonly evenkeel: number;
  readonly ratio: number;
  readonly met: boolean;
}

export function figuresOf(samples: readonly Sample[]): Figure[] {
  const totals = new Map<string, number[]>();
  for (const { row, instructions } of samples) totals.set(row, [...(totals.get(row) ?? []), instructions]);
  // What disturbs a sample (a timer, something in the background) only adds to it.
  const least = (values: readonly number[] | undefined) => (values === undefined ? Number.NaN : Math.min(...values));
  const baseTotal = (row: Row) => least(totals.get(rowName({ ...row, forwarder: baseOf(row), way: "dr", fresh: false })));
  return ROWS.flatMap((row) => {
    const name = rowName(row);
    const own = totals.get(name);
    if (own === undefined) return [];
    const total = least(own);
    return [
      { row, name, total, net: total - baseTotal(row), spread: ((own.toSorted((one, next) => one - next)[1] ?? total) - total) / total },
    ];
  });
}

/** Goals of which both sides were measured. */
export function judge(figures: readonly Figure[]): Judged[] {
  return GOALS.flatMap((goal) => {
    const of = (forwarder: "ipvs" | "evenkeel") =>
      figures.find(({ row }) => row.forwarder === forwarder && row.input === goal.input && row.way === goal.way && row.fresh === goal.fresh)
        ?.net;
    const [ipvs, evenkeel] = [of("ipvs"), of("evenkeel")];
    if (ipvs === undefined || evenkeel === undefined) return [];
    const ratio = evenkeel / ipvs;
    return [{ goal, ipvs, evenkeel, ratio, met: ratio <= goal.most }];
  });
}
