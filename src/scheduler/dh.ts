/**
 * Destination hashing: the destination's address says the bucket, and the bucket the server. Weights only say whether a
 * server serves at all; a destination whose server cannot serve is refused.
 */

import { foldAddress, hash32 } from "./hash.ts";
import { type Candidate, type Flow, listStep, type Scheduler, usablePosition } from "./scheduler.ts";

/** 2^CONFIG_IP_VS_DH_TAB_BITS. */
export const DH_TABLE_BITS = 8;

export interface DhMemory {
  /** The position of each bucket's server; empty when there is no server. */
  readonly table: readonly number[];
}

export const dh: Scheduler<DhMemory> = {
  prepare(servers) {
    return { table: buildDhTable(servers) };
  },

  choose(servers: readonly Candidate[], flow: Flow, { table }: DhMemory): number | undefined {
    return usablePosition(servers, table[dhBucket(flow)]);
  },

  changed(_memory, before, after) {
    listStep(before, after);
    return { table: buildDhTable(after) };
  },
};

/** Around the list, one bucket each. */
export function buildDhTable(servers: readonly Candidate[]): number[] {
  if (servers.length === 0) return [];
  return Array.from({ length: 1 << DH_TABLE_BITS }, (_, bucket) => bucket % servers.length);
}

export function dhBucket({ destination }: Pick<Flow, "destination">): number {
  return hash32(foldAddress(destination), DH_TABLE_BITS);
}
