/** Never queue: the first server without an active connection; when all are busy, the shortest expected delay. */

import { byCounters, expectedDelay, leastForWeight } from "./counters.ts";
import { type Candidate, mayServe } from "./scheduler.ts";

export const nq = byCounters((servers: readonly Candidate[]): number | undefined => {
  for (let i = 0; i < servers.length; i++) {
    const candidate = servers[i];
    if (candidate !== undefined && candidate.active === 0 && mayServe(candidate)) return i;
  }
  return leastForWeight(servers, expectedDelay);
});
