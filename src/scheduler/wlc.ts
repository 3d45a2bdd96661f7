/** Weighted least-connection: the least overhead for its weight. The first in the walk wins a tie. */

import { byCounters, leastForWeight, overhead } from "./counters.ts";

export const wlc = byCounters((servers) => leastForWeight(servers, overhead));
