/**
 * Locality-based least-connection with replication: a destination address has a set of servers, of which the least loaded
 * serves. An overloaded set grows by one; a set that nothing was added to for a day loses its most loaded server.
 */

import { type CacheEntry, type CacheTable, clean, lookUp, newCacheTable, remember } from "./cache-table.ts";
import { leastForWeight, overhead } from "./counters.ts";
import { isOverloaded } from "./lblc.ts";
import { type Candidate, type Flow, listStep, type Occasion, positionOf, type Scheduler } from "./scheduler.ts";

interface LblcrEntry extends CacheEntry {
  /** Newest first. A server that was deleted stays in the set, and serves again when it comes back. */
  set: Candidate[];
  lastChangeMs: number;
}

export interface LblcrMemory {
  readonly table: CacheTable<LblcrEntry>;
}

export const lblcr: Scheduler<LblcrMemory> = {
  prepare(_servers, nowMs) {
    return { table: newCacheTable(nowMs) };
  },

  choose(servers: readonly Candidate[], flow: Flow, { table }: LblcrMemory, occasion: Occasion): number | undefined {
    const { nowMs, cacheExpirationMs } = occasion;
    clean(table, nowMs, cacheExpirationMs);
    const entry = lookUp(table, flow.destination, nowMs);
    if (entry !== undefined) {
      const position = leastOfSet(entry, servers);
      if (entry.set.length > 1 && nowMs > entry.lastChangeMs + cacheExpirationMs) dropMostLoaded(entry, nowMs);
      const server = position === undefined ? undefined : servers[position];
      if (server !== undefined && !isOverloaded(server, servers)) return position;
    }

    const chosen = leastForWeight(servers, overhead);
    const server = chosen === undefined ? undefined : servers[chosen];
    if (server === undefined) return undefined;
    if (entry === undefined) remember(table, { destination: flow.destination, lastUseMs: nowMs, set: [server], lastChangeMs: nowMs });
    else insert(entry, server, nowMs);
    return chosen;
  },

  changed(memory, before, after) {
    listStep(before, after);
    return memory;
  },
};

/** The position of the set's server with the least overhead for its weight, of those that are in the list and may serve. */
function leastOfSet(entry: LblcrEntry, servers: readonly Candidate[]): number | undefined {
  const positions = entry.set.map((server) => positionOf(servers, server));
  // What stands in the list now is the newer knowledge.
  entry.set = entry.set.map((server, i) => servers[positions[i] ?? -1] ?? server);
  const present = positions.filter((position) => position !== undefined);
  const least = leastForWeight(
    present.flatMap((position) => servers[position] ?? []),
    overhead,
  );
  return least === undefined ? undefined : present[least];
}

/** IPVS looks for it among deleted servers too. */
function dropMostLoaded(entry: LblcrEntry, nowMs: number): void {
  let most: Candidate | undefined;
  for (const server of entry.set) {
    if (server.weight <= 0) continue;
    if (most === undefined || overhead(most) * server.weight < overhead(server) * most.weight) most = server;
  }
  if (most === undefined) return;
  entry.set = entry.set.filter((server) => server !== most);
  entry.lastChangeMs = nowMs;
}

function insert(entry: LblcrEntry, server: Candidate, nowMs: number): void {
  if (entry.set.includes(server)) return;
  entry.set = [server, ...entry.set];
  entry.lastChangeMs = nowMs;
}
