/** Least-connection: the least overhead. Weights only say whether a server serves at all; the first in the walk wins a tie. */

import { byCounters, overhead } from "./counters.ts";
import { type Candidate, mayServe } from "./scheduler.ts";

export const lc = byCounters((servers: readonly Candidate[]): number | undefined => {
  let least: number | undefined;
  let leastOverhead = 0;
  for (let i = 0; i < servers.length; i++) {
    const candidate = servers[i];
    if (candidate === undefined || !mayServe(candidate)) continue;
    const candidateOverhead = overhead(candidate);
    if (least !== undefined && candidateOverhead >= leastOverhead) continue;
    least = i;
    leastOverhead = candidateOverhead;
  }
  return least;
});
