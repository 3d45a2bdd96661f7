/**
 * The schedulers that only look at weights and counters remember nothing: each choice is one walk over the list. This is
 * the frame they share, and the overhead that most of them compare.
 */

import { type Candidate, type Flow, listStep, type Scheduler } from "./scheduler.ts";

/** Nothing to remember. */
export type NoMemory = Readonly<Record<never, never>>;

const NOTHING: NoMemory = Object.freeze({});

/** A scheduler made of nothing but a choice by counters. */
export function byCounters(choose: (servers: readonly Candidate[]) => number | undefined): Scheduler<NoMemory> {
  return {
    prepare: () => NOTHING,
    choose: (servers: readonly Candidate[], _flow: Flow) => choose(servers),
    changed(_memory, before, after) {
      listStep(before, after);
      return NOTHING;
    },
  };
}

/** An active connection counts as 256 inactive ones. */
export function overhead(candidate: Candidate): number {
  return candidate.active * 256 + Math.max(candidate.total - candidate.active, 0);
}

/** The load that a new connection would make, counting active ones only: what sed and nq compare. */
export function expectedDelay(candidate: Candidate): number {
  return candidate.active + 1;
}

/**
 * The least load for its weight; the first in the walk wins a tie. Compared by cross products, as IPVS does: load / weight
 * would round. Nothing of weight 0 can win, because its product is never the lesser.
 */
export function leastForWeight(servers: readonly Candidate[], load: (candidate: Candidate) => number): number | undefined {
  let least: number | undefined;
  let leastLoad = 0;
  let leastWeight = 0;
  for (let i = 0; i < servers.length; i++) {
    const candidate = servers[i];
    if (candidate === undefined || candidate.overloaded || candidate.weight <= 0) continue;
    const candidateLoad = load(candidate);
    if (least !== undefined && !isLess([candidateLoad, leastWeight], [leastLoad, candidate.weight])) continue;
    least = i;
    leastLoad = candidateLoad;
    leastWeight = candidate.weight;
  }
  return least;
}

/** Of two products. Weights go up to 2^31, and doubles are exact only up to 2^53. */
function isLess(one: readonly [number, number], other: readonly [number, number]): boolean {
  const [product, otherProduct] = [one[0] * one[1], other[0] * other[1]];
  if (product <= Number.MAX_SAFE_INTEGER && otherProduct <= Number.MAX_SAFE_INTEGER) return product < otherProduct;
  return BigInt(one[0]) * BigInt(one[1]) < BigInt(other[0]) * BigInt(other[1]);
}
