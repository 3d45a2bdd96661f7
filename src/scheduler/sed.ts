/** Shortest expected delay: the least (active connections + 1) for its weight. Inactive connections do not count. */

import { byCounters, expectedDelay, leastForWeight } from "./counters.ts";

export const sed = byCounters((servers) => leastForWeight(servers, expectedDelay));
