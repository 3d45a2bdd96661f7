/** Weighted fail-over: always the heaviest server that may serve. The first in the walk wins a tie. */

import { byCounters } from "./counters.ts";
import { heaviest, mayServe } from "./scheduler.ts";

export const fo = byCounters((servers) => heaviest(servers, mayServe));
