/**
 * Weighted round-robin as IPVS has it: sweeps over the list with a current weight that falls from the greatest weight to the
 * least, in steps of their greatest common divisor; a sweep takes each server that weighs at least that much. It is not
 * smooth (heavy servers come in runs), and the current weight outlives changes of the list.
 */

import { type Candidate, type Cursor, type CursorScheduler, type Flow, listStep, mayServe } from "./scheduler.ts";

export interface WrrMemory {
  /** Where the walk stands: the last choice + 1; 0 = before the list. */
  position: number;
  currentWeight: number;
  /** The current weight of the first sweep: the greatest weight less (divisor - 1), 0 when no server has a weight. */
  readonly weightMax: number;
  readonly weightDivisor: number;
}

export const wrr: CursorScheduler<WrrMemory> = {
  prepare(servers: readonly Candidate[]): WrrMemory {
    const range = weightRange(servers);
    return { position: 0, currentWeight: range.weightMax, ...range };
  },

  choose(servers: readonly Candidate[], _flow: Flow, memory: WrrMemory): number | undefined {
    const { weightMax, weightDivisor } = memory;
    if (weightMax === 0) return undefined;
    const start = memory.position;
    let weight = memory.currentWeight;
    let restarted = false;
    let lastSweep = false;
    let stop = 0;
    let reach: number | undefined;

    for (let from = start; ; from = 0) {
      const end = stop === 0 ? servers.length : stop;
      for (let index = from; index < end; index++) {
        const candidate = servers[index];
        if (candidate === undefined || candidate.overloaded || candidate.weight < weight) continue;
        return settle(memory, index + 1, weight, index);
      }
      if (stop !== 0) return settle(memory, stop, weight, undefined);

      weight -= weightDivisor;
      if (weight <= 0) {
        weight = weightMax;
        // The sweep that takes every server with a weight is done: all of them are overloaded.
        if (lastSweep || start === 0) return settle(memory, 0, weight, undefined);
        restarted = true;
      }
      // Sweeps heavier than every server that may serve find nothing; IPVS makes them, we step over them.
      reach ??= Math.max(weightDivisor, heaviestWeight(servers));
      if (weight > reach) weight -= Math.ceil((weight - reach) / weightDivisor) * weightDivisor;
      lastSweep = weight <= weightDivisor;
      // What stands behind the start was looked at before the restart, so the last sweep ends there.
      if (lastSweep && restarted) stop = start;
    }
  },

  changed(memory: WrrMemory, before: readonly Candidate[], after: readonly Candidate[]): WrrMemory {
    listStep(before, after);
    const range = weightRange(after);
    return { position: 0, currentWeight: carriedWeight(memory.currentWeight, range), ...range };
  },

  cursor(memory: WrrMemory): Cursor {
    return { position: memory.position, currentWeight: memory.currentWeight };
  },

  resume(servers: readonly Candidate[], cursor: Cursor): WrrMemory {
    const range = weightRange(servers);
    const currentWeight = Math.min(cursor.currentWeight, range.weightMax);
    return { position: Math.min(cursor.position, servers.length), currentWeight, ...range };
  },
};

/** After a change the sweep begins anew at the head, with the weight it had come down to. */
function carriedWeight(currentWeight: number, { weightMax, weightDivisor }: WeightRange): number {
  if (currentWeight > weightMax || currentWeight === 0) return weightMax;
  return weightDivisor > 1 ? Math.floor(currentWeight / weightDivisor) * weightDivisor + 1 : currentWeight;
}

export type WeightRange = Pick<WrrMemory, "weightMax" | "weightDivisor">;

/** What `struct plan` holds of the weights. */
export function weightRange(servers: readonly Candidate[]): WeightRange {
  let greatest = 0;
  let divisor = 0;
  for (const { weight } of servers) {
    if (weight <= 0) continue;
    greatest = Math.max(greatest, weight);
    divisor = greatestCommonDivisor(weight, divisor);
  }
  return divisor === 0 ? { weightMax: 0, weightDivisor: 1 } : { weightMax: greatest - (divisor - 1), weightDivisor: divisor };
}

export function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

function heaviestWeight(servers: readonly Candidate[]): number {
  return servers.reduce((weight, candidate) => (mayServe(candidate) ? Math.max(weight, candidate.weight) : weight), 0);
}

function settle(memory: WrrMemory, position: number, currentWeight: number, choice: number | undefined): number | undefined {
  memory.position = position;
  memory.currentWeight = currentWeight;
  return choice;
}
