/** What ipvsadm lists, as the packet path holds it at one moment: services in the order in which they were made, servers too. */

import type { Rates, ServerCounters, ServiceHead, TrafficCounters } from "../../model/plane.ts";

export interface ListedService {
  readonly service: ServiceHead;
  readonly traffic: TrafficCounters;
  readonly rates: Rates;
  readonly servers: readonly ServerCounters[];
}

/**
 * IPVS mixes an address of the kernel's memory into the buckets of its table of services, so that its own order, which --nosort shows,
 * differs from boot to boot. Ours does not: it is one of those 256.
 */
export const WALK_SALT = 32;
