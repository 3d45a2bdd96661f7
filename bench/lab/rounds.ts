/** The samples: column by column, all rows in turn, so that a row and its baseline are seconds apart; each round begins with another row. */

import { setImmediate as letSignalsIn } from "node:timers/promises";
import type { Samples } from "../measure.ts";
import type { Column } from "./columns.ts";
import type { Stand } from "./stand.ts";

export interface RoundPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly onSample: (what: { round: number; column: Column; stand: Stand }) => void;
}

/** By the column's id; inside by the row's. */
export type Measured = ReadonlyMap<string, Samples>;

export async function measureRounds(stands: readonly Stand[], columns: readonly Column[], plan: RoundPlan): Promise<Measured> {
  const measured = new Map(
    columns.map((column) => [column.id, new Map(stands.filter(({ row }) => column.can(row)).map(({ row }) => [row.id, [] as number[]]))]),
  );
  for (let round = 0; round < plan.rounds; round++) {
    const first = (round * 5) % stands.length;
    const turn = [...stands.slice(first), ...stands.slice(0, first)];
    for (const column of columns) {
      for (const stand of turn.filter(({ row }) => column.can(row))) {
        await letSignalsIn();
        plan.signal.throwIfAborted();
        plan.onSample({ round, column, stand });
        const value = await column.sample(stand, plan.seconds, plan.signal);
        measured.get(column.id)?.get(stand.row.id)?.push(value);
      }
    }
  }
  return measured;
}
