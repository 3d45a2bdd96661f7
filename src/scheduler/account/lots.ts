/** The account of a choice by lot: twos. Nobody can say whom it gives; how likely each server is can be said exactly. */

import { overhead } from "../counters.ts";
import { type Candidate, mayServe } from "../scheduler.ts";
import { type LotsAccount, passedOverAnyway, type Situation } from "./account.ts";
import { overheadShare } from "./load.ts";

/** So often a lot is drawn anew that fell on an overloaded server; then it is drawn among the others (LOT_DRAWS, bpf/schedule_lots.h). */
const DRAWS = 4;

export function twosAccount({ servers }: Situation): LotsAccount {
  const drawn = drawnOf(servers);
  return {
    kind: "lots",
    passedOver: servers.map(passedOverAnyway),
    shares: servers.map((server) => (mayServe(server) ? overheadShare(server) : undefined)),
    drawn,
    odds: oddsOf(servers, drawn),
    chosen: undefined,
  };
}

function drawnOf(servers: readonly Candidate[]): number[] {
  const among = lots(servers, ({ weight }) => weight);
  const serving = lots(servers, (server) => (mayServe(server) ? server.weight : 0));
  const missed = among.reduce((sum, lot, i) => (serving[i] === 0 ? sum + lot : sum), 0);
  // Hit at the first draw, or after one miss, or two, or three.
  const tries = Array.from({ length: DRAWS }, (_, i) => missed ** i).reduce((sum, one) => sum + one, 0);
  return servers.map((_, i) => (serving[i] === 0 ? 0 : (among[i] ?? 0) * tries + missed ** DRAWS * (serving[i] ?? 0)));
}

/** As shares of all lots. There is one more than the weights, and the first in the walk has it. */
function lots(servers: readonly Candidate[], weightOf: (server: Candidate) => number): number[] {
  const weights = servers.map(weightOf);
  const sum = weights.reduce((one, other) => one + other, 0);
  if (sum === 0) return weights;
  const first = weights.findIndex((weight) => weight > 0);
  return weights.map((weight, i) => (weight + (i === first ? 1 : 0)) / (sum + 1));
}

/** Of two that are drawn the better one is taken; of two as good the first drawn. */
function oddsOf(servers: readonly Candidate[], drawn: readonly number[]): number[] {
  const order = servers.map((_, i) => i).filter((i) => (drawn[i] ?? 0) > 0);
  order.sort((one, other) => compareShares(servers[one], servers[other]));
  const odds = Array<number>(servers.length).fill(0);
  let worse = 1;
  for (let at = 0; at < order.length; ) {
    const from = at;
    while (at < order.length && compareShares(servers[order[from] ?? 0], servers[order[at] ?? 0]) === 0) at++;
    const equals = order.slice(from, at);
    const same = equals.reduce((sum, i) => sum + (drawn[i] ?? 0), 0);
    worse = at === order.length ? 0 : worse - same;
    for (const i of equals) odds[i] = (drawn[i] ?? 0) * (2 * worse + same);
  }
  return odds;
}

/** By cross products, as the choice is made; exact beyond what doubles are. */
function compareShares(one: Candidate | undefined, other: Candidate | undefined): number {
  if (one === undefined || other === undefined) return 0;
  const [left, right] = [BigInt(overhead(one)) * BigInt(other.weight), BigInt(overhead(other)) * BigInt(one.weight)];
  return left < right ? -1 : left > right ? 1 : 0;
}
