/**
 * Maglev hashing: each server has its own permutation of a table of prime size, and they take places in turn, heavier ones
 * several at once; so a change of the servers moves few clients. A server that is quiesced keeps its places, and its
 * clients are refused, unless the service has the flag mh-fallback.
 */

import type { Address } from "../model/address.ts";
import { foldAddress } from "./hash.ts";
import { type Candidate, type Flow, listStep, type Occasion, type Scheduler, usablePosition } from "./scheduler.ts";
import { type SipKey, sipHash13Word } from "./siphash.ts";
import { greatestCommonDivisor } from "./wrr.ts";

/** The prime of CONFIG_IP_VS_MH_TAB_INDEX 12, and how many bits that is. */
export const MH_TABLE_SIZE = 4093;
const TABLE_BITS = 12;

/** Two hashes make a permutation: where it begins, and how far it skips. */
const OFFSET_KEY: SipKey = { k0: [0, 2654435761], k1: [0, 2654435761] };
const SKIP_KEY: SipKey = { k0: [0, 2654446892], k1: [0, 2654446892] };

export interface MhMemory {
  /** The position of each place's server; empty when no server ever had a weight. */
  readonly table: readonly number[];
}

export const mh: Scheduler<MhMemory> = {
  prepare(servers) {
    return { table: buildMhTable(servers) };
  },

  choose(servers: readonly Candidate[], flow: Flow, { table }: MhMemory, { fallback, usePort }: Occasion): number | undefined {
    const start = mhPlace(flow, usePort);
    const first = usablePosition(servers, table[start]);
    if (first !== undefined || !fallback || table.length === 0) return first;
    for (let offset = 0; offset < MH_TABLE_SIZE; offset++) {
      const found = usablePosition(servers, table[mhPlace(flow, usePort, (offset + start) % MH_TABLE_SIZE)]);
      if (found !== undefined) return found;
    }
    return undefined;
  },

  changed(_memory, before, after) {
    listStep(before, after);
    return { table: buildMhTable(after) };
  },
};

/** The place that a flow looks at first, or, `offset` further, when that one cannot serve. */
export function mhPlace({ client, clientPort }: Pick<Flow, "client" | "clientPort">, usePort: boolean, offset = 0): number {
  return mhHash(client, usePort ? clientPort : 0, OFFSET_KEY, offset) % MH_TABLE_SIZE;
}

/** Round by round in walk order, each server placing its turns in a row at the next free places of its permutation. */
export function buildMhTable(servers: readonly Candidate[]): number[] {
  const turns = turnsOf(servers);
  if (turns.every((count) => count === 0)) return [];
  const table = Array<number>(MH_TABLE_SIZE).fill(-1);
  const next = servers.map(({ address, port }) => mhHash(address, port, OFFSET_KEY) % MH_TABLE_SIZE);
  const skip = servers.map(({ address, port }) => (mhHash(address, port, SKIP_KEY) % (MH_TABLE_SIZE - 1)) + 1);
  for (let placed = 0; ; ) {
    for (const [position, count] of turns.entries()) {
      for (let turn = 0; turn < count; turn++) {
        let place = next[position] ?? 0;
        while (table[place] !== -1) place = (place + (skip[position] ?? 1)) % MH_TABLE_SIZE;
        table[place] = position;
        next[position] = place;
        if (++placed === MH_TABLE_SIZE) return table;
      }
    }
  }
}

/** How many places each takes a round: by its last weight, scaled down to the bits that a table of this size can show. */
function turnsOf(servers: readonly Candidate[]): number[] {
  const divisor = servers.reduce((common, { lastWeight }) => (lastWeight > 0 ? greatestCommonDivisor(lastWeight, common) : common), 0);
  if (divisor === 0) return servers.map(() => 0);
  const greatest = servers.reduce((weight, { lastWeight }) => Math.max(weight, lastWeight), 0);
  const bits = 32 - Math.clz32(Math.floor(greatest / divisor));
  const shift = Math.max(0, bits - TABLE_BITS / 2);
  return servers.map(({ lastWeight }) => (lastWeight === 0 ? 0 : Math.max(Math.floor(lastWeight / divisor) >> shift, 1)));
}

function mhHash(address: Address, port: number, key: SipKey, offset = 0): number {
  return sipHash13Word((offset + port + foldAddress(address)) >>> 0, key);
}
