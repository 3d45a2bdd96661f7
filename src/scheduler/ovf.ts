/** Overflow: the heaviest server until it has more active connections than its weight, then the next heaviest. */

import { byCounters } from "./counters.ts";
import { heaviest, mayServe } from "./scheduler.ts";

// IPVS compares before it counts the new connection, so a server takes weight + 1 of them.
export const ovf = byCounters((servers) => heaviest(servers, (candidate) => mayServe(candidate) && candidate.active <= candidate.weight));
