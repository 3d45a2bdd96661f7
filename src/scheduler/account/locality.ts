/** The account of a choice by what a destination had before: lblc, lblcr. */

import { type CacheEntry, type CacheTable, newCacheTable, remember } from "../cache-table.ts";
import { leastForWeight, overhead } from "../counters.ts";
import { isOverloaded, lblc } from "../lblc.ts";
import { lblcr } from "../lblcr.ts";
import { type Candidate, positionOf } from "../scheduler.ts";
import { choose, type Locality, type LocalityAccount, passedOverAnyway, type Remembered, type Situation } from "./account.ts";
import { loadAccount, overheadShare } from "./load.ts";

const NOTHING: Locality = { servers: [], idleMs: 0, unchangedMs: 0, expirationMs: 0 };

export function lblcAccount(situation: Situation): LocalityAccount {
  const [server] = lasting(situation);
  const entry = server === undefined ? undefined : { destination: situation.flow.destination, lastUseMs: 0, server };
  const chosen = choose(lblc, { table: tableWith(entry) }, situation);
  // The overload flag is not looked at: a destination stays where it is.
  return { ...account(situation, ["overloaded"]), chosen, dropped: undefined };
}

export function lblcrAccount(situation: Situation): LocalityAccount {
  const set = lasting(situation);
  const lastChangeMs = -(situation.locality ?? NOTHING).unchangedMs;
  const entry = set.length === 0 ? undefined : { destination: situation.flow.destination, lastUseMs: 0, set: [...set], lastChangeMs };
  const chosen = choose(lblcr, { table: tableWith(entry) }, situation);
  // The scheduler has made of the set what the choice makes of it.
  return { ...account(situation, []), chosen, dropped: set.find((server) => entry?.set.includes(server) === false) };
}

/** What is remembered and still counts. */
function lasting({ locality = NOTHING }: Situation): readonly Candidate[] {
  return isExpired(locality) ? [] : locality.servers;
}

function isExpired({ idleMs, expirationMs, servers }: Locality): boolean {
  return servers.length > 0 && idleMs >= expirationMs;
}

function tableWith<Entry extends CacheEntry>(entry: Entry | undefined): CacheTable<Entry> {
  const table = newCacheTable<Entry>(0);
  if (entry !== undefined) remember(table, entry);
  return table;
}

type Hindrance = Remembered["passedOver"];

function account(situation: Situation, ignored: readonly Hindrance[]): Omit<LocalityAccount, "chosen" | "dropped"> {
  const { servers, locality = NOTHING } = situation;
  const hindered = (server: Candidate): Hindrance => (positionOf(servers, server) === undefined ? "deleted" : passedOverAnyway(server));
  const remembered = lasting(situation).map((server): Remembered => {
    const passedOver = hindered(server);
    const share = overheadShare(server);
    return passedOver === undefined || ignored.includes(passedOver) ? { server, share } : { server, share, passedOver };
  });
  const best = leastLoaded(remembered);
  const crowded = best !== undefined && isOverloaded(best.server, servers);
  return {
    kind: "locality",
    remembered: crowded ? remembered.map((one) => (one === best ? { ...one, passedOver: "crowded" } : one)) : remembered,
    idleMs: locality.idleMs,
    expired: isExpired(locality),
    asked: best === undefined || crowded ? loadAccount("wlc", situation) : undefined,
    passedOver: servers.map(passedOverAnyway),
  };
}

/** Of those that may go on. */
function leastLoaded(remembered: readonly Remembered[]): Remembered | undefined {
  const going = remembered.filter(({ passedOver }) => passedOver === undefined);
  const servers = going.map(({ server }) => ({ ...server, overloaded: false }));
  const least = leastForWeight(servers, overhead);
  return least === undefined ? undefined : going[least];
}
