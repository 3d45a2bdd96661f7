/** The table of schedulers, by the name IPVS gives them. */

import type { SchedulerName } from "../model/service.ts";
import { rr } from "./rr.ts";
import type { Scheduler } from "./scheduler.ts";
import { wrr } from "./wrr.ts";

export const schedulers = { rr, wrr } satisfies Record<SchedulerName, Scheduler>;

/** For callers that learn the name at run time; hand a memory back only to the scheduler that made it. */
export function schedulerOf(name: SchedulerName): Scheduler {
  return schedulers[name];
}
