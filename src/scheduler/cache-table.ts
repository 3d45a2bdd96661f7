/**
 * What lblc and lblcr remember: an entry for each destination address that was asked for, in the kernel's 1024 buckets. A
 * round of cleaning falls due each minute; it needs no timer, because nobody can tell whether it ran before the next look.
 */

import { type Address, sameAddress } from "../model/address.ts";
import { foldAddress, hash32 } from "./hash.ts";

const BUCKET_BITS = 10;
const BUCKETS = 1 << BUCKET_BITS;
/** Above this, idle entries go early; above half as much again nothing is remembered. */
export const CACHE_ENTRIES_MAX = BUCKETS * 16;
const ROUND_MS = 60_000;
/** Each so many rounds, everything that has expired is removed; the other rounds do something only when there is too much. */
const ROUNDS_TO_FULL_CHECK = 30;
const IDLE_MS = 6 * 60_000;

export interface CacheEntry {
  readonly destination: Address;
  lastUseMs: number;
}

export interface CacheTable<Entry extends CacheEntry> {
  readonly buckets: Entry[][];
  size: number;
  nextRoundMs: number;
  /** 1 to ROUNDS_TO_FULL_CHECK. */
  round: number;
  /** The bucket at which the last cleaning ended; the next begins behind it. */
  rover: number;
}

export function newCacheTable<Entry extends CacheEntry>(nowMs: number): CacheTable<Entry> {
  return { buckets: Array.from({ length: BUCKETS }, () => []), size: 0, nextRoundMs: nowMs + ROUND_MS, round: 1, rover: 0 };
}

/** The entry of an address, now used; undefined when there is none. */
export function lookUp<Entry extends CacheEntry>(table: CacheTable<Entry>, destination: Address, nowMs: number): Entry | undefined {
  const found = bucketOf(table, destination).find((entry) => sameAddress(entry.destination, destination));
  if (found !== undefined) found.lastUseMs = nowMs;
  return found;
}

/** Remembers an address that has no entry yet, unless there are far too many. */
export function remember<Entry extends CacheEntry>(table: CacheTable<Entry>, entry: Entry): void {
  if (table.size >= (CACHE_ENTRIES_MAX * 3) / 2) return;
  bucketOf(table, entry.destination).push(entry);
  table.size++;
}

/** Does the rounds of cleaning that have fallen due. */
export function clean<Entry extends CacheEntry>(table: CacheTable<Entry>, nowMs: number, expirationMs: number): void {
  for (; table.nextRoundMs <= nowMs; table.nextRoundMs += ROUND_MS) {
    if (table.round === ROUNDS_TO_FULL_CHECK) {
      table.round = 1;
      removeIdle(table, table.nextRoundMs - expirationMs, Number.POSITIVE_INFINITY);
    } else if (table.size <= CACHE_ENTRIES_MAX) {
      table.round++;
    } else {
      // As in IPVS, such a round does not bring the next full check nearer.
      const goal = Math.floor(((table.size - CACHE_ENTRIES_MAX) * 4) / 3);
      removeIdle(table, table.nextRoundMs - IDLE_MS, Math.min(goal, CACHE_ENTRIES_MAX / 2));
    }
  }
}

/** Removes what was not used since, bucket by bucket, until a bucket reaches the goal. */
function removeIdle<Entry extends CacheEntry>(table: CacheTable<Entry>, sinceMs: number, goal: number): void {
  const sizeGoal = table.size - goal;
  for (let i = 0; i < BUCKETS && table.size > sizeGoal; i++) {
    table.rover = (table.rover + 1) % BUCKETS;
    const bucket = table.buckets[table.rover] ?? [];
    const kept = bucket.filter((entry) => entry.lastUseMs > sinceMs);
    table.size -= bucket.length - kept.length;
    table.buckets[table.rover] = kept;
  }
}

function bucketOf<Entry extends CacheEntry>(table: CacheTable<Entry>, destination: Address): Entry[] {
  const index = hash32(foldAddress(destination), BUCKET_BITS);
  const bucket = table.buckets[index] ?? [];
  table.buckets[index] = bucket;
  return bucket;
}
