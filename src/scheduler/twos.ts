/**
 * Power of two choices: two servers drawn by weight, of which the one with less overhead for its weight is taken. Drawing
 * is the caller's: the same draws give the same choice.
 */

import { type NoMemory, overhead } from "./counters.ts";
import { type Candidate, type Flow, listStep, mayServe, type Occasion, type Scheduler } from "./scheduler.ts";

export const twos: Scheduler<NoMemory> = {
  prepare: () => ({}),

  choose(servers: readonly Candidate[], _flow: Flow, _memory: NoMemory, { chance }: Occasion): number | undefined {
    const sum = servers.reduce((weight, candidate) => (mayServe(candidate) ? weight + candidate.weight : weight), 0);
    if (sum === 0) return undefined;
    // IPVS draws from 0 to the sum, both included, so the first in the walk has one lot more than its weight.
    const first = drawn(servers, chance(sum + 1));
    const second = drawn(servers, chance(sum + 1));
    const one = first === undefined ? undefined : servers[first];
    const other = second === undefined ? undefined : servers[second];
    if (one === undefined || other === undefined) return first ?? second;
    return other.weight * overhead(one) > one.weight * overhead(other) ? second : first;
  },

  changed(memory, before, after) {
    listStep(before, after);
    return memory;
  },
};

/** The first server at which the weights so far reach the lot. */
function drawn(servers: readonly Candidate[], lot: number): number | undefined {
  let left = lot;
  for (let i = 0; i < servers.length; i++) {
    const candidate = servers[i];
    if (candidate === undefined || !mayServe(candidate)) continue;
    left -= candidate.weight;
    if (left <= 0) return i;
  }
  return undefined;
}
