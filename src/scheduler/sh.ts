/**
 * Source hashing: the client's address says the bucket, and the bucket the server. Heavier servers fill more buckets in
 * a row. A client whose server cannot serve is refused, unless the service has the flag sh-fallback.
 */

import { foldAddress, hash32 } from "./hash.ts";
import { type Candidate, type Flow, listStep, type Occasion, type Scheduler, usablePosition } from "./scheduler.ts";

/** 2^CONFIG_IP_VS_SH_TAB_BITS. */
export const SH_TABLE_BITS = 8;
const BUCKETS = 1 << SH_TABLE_BITS;

export interface ShMemory {
  /** The position of each bucket's server; empty when there is no server. */
  readonly table: readonly number[];
}

export const sh: Scheduler<ShMemory> = {
  prepare(servers) {
    return { table: buildShTable(servers) };
  },

  choose(servers: readonly Candidate[], flow: Flow, { table }: ShMemory, { fallback, usePort }: Occasion): number | undefined {
    const start = shBucket(flow, usePort);
    const first = usablePosition(servers, table[start]);
    if (first !== undefined || !fallback) return first;
    for (let offset = 0; offset < BUCKETS; offset++) {
      const found = usablePosition(servers, table[shFallbackBucket(start, offset)]);
      if (found !== undefined) return found;
    }
    return undefined;
  },

  changed(_memory, before, after) {
    listStep(before, after);
    return { table: buildShTable(after) };
  },
};

/** Around the list, each server as many buckets in a row as it weighs; one of weight 0 still takes one. */
export function buildShTable(servers: readonly Candidate[]): number[] {
  const table: number[] = [];
  while (servers.length > 0) {
    for (const [position, { weight }] of servers.entries()) {
      for (let turn = 0; turn < Math.max(weight, 1); turn++) {
        if (table.length === BUCKETS) return table;
        table.push(position);
      }
    }
  }
  return table;
}

/** IPVS adds the client's bucket to the offset, and that to the client's bucket again; so the first it tries is twice the bucket. */
export function shFallbackBucket(start: number, offset: number): number {
  return (offset + start + start) % BUCKETS;
}

export function shBucket({ client, clientPort }: Pick<Flow, "client" | "clientPort">, usePort: boolean): number {
  return hash32(foldAddress(client) + (usePort ? clientPort : 0), SH_TABLE_BITS);
}
