/** The account of a choice by hashing: sh, dh, mh. */

import { DH_TABLE_BITS, dh, dhBucket } from "../dh.ts";
import { MH_TABLE_SIZE, mh, mhPlace } from "../mh.ts";
import { type Scheduler, usablePosition } from "../scheduler.ts";
import { SH_TABLE_BITS, sh, shBucket, shFallbackBucket } from "../sh.ts";
import { choose, type HashAccount, passedOverAnyway, type Situation } from "./account.ts";

interface Hash {
  readonly scheduler: Scheduler<{ readonly table: readonly number[] }>;
  readonly hashed: HashAccount["hashed"];
  readonly buckets: number;
  /** Where a flow falls. */
  readonly bucket: number;
  /** With the flag `fallback`: the bucket that is tried next, when that many were. */
  readonly next?: (tried: number) => number;
}

export function shAccount(situation: Situation): HashAccount {
  const { flow, usePort, fallback } = situation;
  const bucket = shBucket(flow, usePort);
  const next = (tried: number) => shFallbackBucket(bucket, tried);
  const hashed = usePort ? "client and port" : "client";
  return account(situation, { scheduler: sh, hashed, buckets: 1 << SH_TABLE_BITS, bucket, ...(fallback ? { next } : {}) });
}

export function mhAccount(situation: Situation): HashAccount {
  const { flow, usePort, fallback } = situation;
  const bucket = mhPlace(flow, usePort);
  const next = (tried: number) => mhPlace(flow, usePort, (tried + bucket) % MH_TABLE_SIZE);
  const hashed = usePort ? "client and port" : "client";
  return account(situation, { scheduler: mh, hashed, buckets: MH_TABLE_SIZE, bucket, ...(fallback ? { next } : {}) });
}

export function dhAccount(situation: Situation): HashAccount {
  const bucket = dhBucket(situation.flow);
  return account(situation, { scheduler: dh, hashed: "destination", buckets: 1 << DH_TABLE_BITS, bucket });
}

function account(situation: Situation, { scheduler, hashed, buckets, bucket, next }: Hash): HashAccount {
  const { servers, table, anyPort } = situation;
  const owned = Array<number>(servers.length).fill(0);
  for (const position of table) if (position in owned) owned[position] = (owned[position] ?? 0) + 1;
  const common = { kind: "hash", hashed, buckets, owned, passedOver: servers.map(passedOverAnyway) } as const;
  if (anyPort && hashed === "client and port") return { ...common, bucket: undefined, owner: undefined, chosen: undefined };
  const owner = table[bucket];
  const serves = (each: number) => usablePosition(servers, table[each]) !== undefined;
  const fallback = next === undefined || serves(bucket) ? undefined : firstOf(buckets, next, serves);
  return {
    ...common,
    bucket,
    owner: owner !== undefined && owner in servers ? owner : undefined,
    ...(fallback === undefined ? {} : { fallback }),
    chosen: choose(scheduler, { table }, situation),
  };
}

function firstOf(buckets: number, next: (tried: number) => number, serves: (bucket: number) => boolean): HashAccount["fallback"] {
  for (let tried = 0; tried < buckets; tried++) {
    const bucket = next(tried);
    if (serves(bucket)) return { bucket, tried: tried + 1 };
  }
  return undefined;
}
