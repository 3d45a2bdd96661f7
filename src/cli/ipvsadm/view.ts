/** What ipvsadm lists, as the packet path holds it at one moment: services in the order in which they were made, servers too. */

import type { Counters, Rates, ServerCounters, ServiceHead, TrafficCounters } from "../../model/plane.ts";
import { serviceName } from "../../model/service.ts";

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

/** Each service with its servers, in the order of the counters. */
export function listedServices({ services, servers }: Counters): ListedService[] {
  const serversOf = Map.groupBy(servers, ({ service }) => serviceName(service));
  return services.map(({ service, rates, ...traffic }) => ({
    service,
    traffic,
    rates,
    servers: serversOf.get(serviceName(service)) ?? [],
  }));
}
