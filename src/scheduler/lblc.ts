/**
 * Locality-based least-connection, for caches: a destination address stays with the server that had it, until that one is
 * gone, quiesced or overloaded while another is idle; then weighted least-connection says who takes the address over.
 */

import { type CacheEntry, type CacheTable, clean, lookUp, newCacheTable, remember } from "./cache-table.ts";
import { leastForWeight, overhead } from "./counters.ts";
import { type Candidate, type Flow, listStep, type Occasion, positionOf, type Scheduler } from "./scheduler.ts";

interface LblcEntry extends CacheEntry {
  server: Candidate;
}

export interface LblcMemory {
  readonly table: CacheTable<LblcEntry>;
}

export const lblc: Scheduler<LblcMemory> = {
  prepare(_servers, nowMs) {
    return { table: newCacheTable(nowMs) };
  },

  choose(servers: readonly Candidate[], flow: Flow, { table }: LblcMemory, occasion: Occasion): number | undefined {
    const { nowMs, cacheExpirationMs } = occasion;
    clean(table, nowMs, cacheExpirationMs);
    const entry = lookUp(table, flow.destination, nowMs);
    const position = entry === undefined ? undefined : positionOf(servers, entry.server);
    const server = position === undefined ? undefined : servers[position];
    // The overload flag is not looked at here, as in IPVS: the address stays where it is.
    if (server !== undefined && server.weight > 0 && !isOverloaded(server, servers)) return position;

    const chosen = leastForWeight(servers, overhead);
    const next = chosen === undefined ? undefined : servers[chosen];
    if (next === undefined) return undefined;
    if (entry === undefined) remember(table, { destination: flow.destination, lastUseMs: nowMs, server: next });
    else entry.server = next;
    return chosen;
  },

  changed(memory, before, after) {
    listStep(before, after);
    return memory;
  },
};

/** More active connections than its weight, while another has less than half of its own. */
export function isOverloaded(server: Candidate, servers: readonly Candidate[]): boolean {
  return server.active > server.weight && servers.some(({ active, weight }) => active * 2 < weight);
}
