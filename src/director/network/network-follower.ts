/**
 * Lets a director follow its network: what changed is told to it one change at a time, and what happens meanwhile together; the next hops of its servers are
 * looked up and kept resolved. Begins before the director does, so that nothing is missed in between.
 */

import type { Configuration } from "../../config/configuration.ts";
import { nowMs } from "../../kernel/clock.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import { type ServerWay, serverWays } from "../server-way.ts";
import type { NetworkChange } from "./network-news.ts";
import { pause, watchNetwork } from "./network-watch.ts";
import { nextHopsOf } from "./next-hops.ts";

/** A running director, as far as it is told here. */
export interface NetworkListener {
  networkChanged(what: string, only: { readonly neighboursOnly: boolean; readonly untold: boolean }): Promise<void>;
}

export interface NetworkFollower {
  /** These services are in force from now on. */
  follow(configuration: Pick<Configuration, "services">): void;
  /** The director runs, and is told of what has happened since the follower began. */
  begin(director: NetworkListener): void;
}

export interface NetworkFollowerOptions {
  readonly signal: AbortSignal;
  /** Links, addresses or routes changed: for those who have to know before the director acts. */
  readonly changed: () => void;
  readonly warn: (text: string) => void;
}

/** Looked up between two turns of the event loop: about 5 ms. */
const WAYS_AT_ONCE = 200;
/** How soon a change that could not be followed is tried again. */
const AGAIN_MS = 2000;
/** Of what happened while the director was busy, in words. */
const PENDING_MAX = 8;

const TEXT = {
  network: (what: string, reason: string) => `a change of the network could not be followed (${what}): ${reason}`,
  ways: (reason: string) => `the ways to servers could not be looked up: ${reason}`,
} as const;

/** In the network namespace of the director. */
export function makeNetworkFollower({ signal, changed, warn }: NetworkFollowerOptions): NetworkFollower {
  let director: NetworkListener | undefined;
  let servers: readonly Address[] = [];
  let pending: NetworkChange[] = [];
  let telling = false;
  /** Counts look-ups of ways: a newer one ends an older one. */
  let look = 0;

  const tell = async (): Promise<void> => {
    if (telling || director === undefined) return;
    telling = true;
    let again: NetworkChange | undefined;
    while ((pending.length > 0 || again !== undefined) && !signal.aborted) {
      const untold = pending.every(isOfRoutesAlone);
      const change = [...(again === undefined ? [] : [again]), ...pending].reduce(both);
      pending = [];
      try {
        await director.networkChanged(change.what, { neighboursOnly: !isOfWays(change), untold });
        again = undefined;
      } catch (error) {
        if (signal.aborted) break;
        if (again === undefined) warn(TEXT.network(change.what, messageOf(error)));
        // Nothing says that another change will come; until this one is followed, packets go the old ways.
        again = change;
        await pause(AGAIN_MS, signal);
      }
    }
    telling = false;
  };

  const keepHops = async (): Promise<void> => {
    const mine = ++look;
    const ways: (ServerWay | undefined)[] = [];
    try {
      for (let i = 0; i < servers.length; i += WAYS_AT_ONCE) {
        await new Promise((done) => setImmediate(done));
        if (mine !== look || signal.aborted) return;
        ways.push(...serverWays(servers.slice(i, i + WAYS_AT_ONCE)));
      }
      network.keep(nextHopsOf(ways));
    } catch (error) {
      warn(TEXT.ways(messageOf(error)));
    }
  };

  const network = watchNetwork({
    signal,
    nowMs,
    warn,
    changed(change) {
      pending.push(change);
      // While the director is busy, or not there yet.
      if (pending.length >= PENDING_MAX) pending = [pending.reduce(both)];
      if (isOfWays(change)) {
        changed();
        void keepHops();
      }
      void tell();
    },
  });

  return {
    follow(configuration) {
      servers = addressesOf(configuration);
      void keepHops();
    },
    begin(running) {
      director = running;
      void tell();
    },
  };
}

const WHAT_MAX = 500;

function both(one: NetworkChange, other: NetworkChange): NetworkChange {
  const what = `${one.what}; ${other.what}`;
  return {
    links: one.links || other.links,
    addresses: one.addresses || other.addresses,
    routes: one.routes || other.routes,
    neighbours: one.neighbours || other.neighbours,
    what: what.length > WHAT_MAX ? `${what.slice(0, WHAT_MAX)}...` : what,
  };
}

/** Ways to servers, or what the configuration meets, may be others. */
function isOfWays({ links, addresses, routes }: NetworkChange): boolean {
  return links || addresses || routes;
}

/** A routing daemon would fill the journal: these are told as the cause of what they change. */
function isOfRoutesAlone({ links, addresses, neighbours }: NetworkChange): boolean {
  return !links && !addresses && !neighbours;
}

/** Each once. */
function addressesOf({ services }: Pick<Configuration, "services">): readonly Address[] {
  const all = services.flatMap((service) => [...service.servers, ...(service.sorryServer === undefined ? [] : [service.sorryServer])]);
  return [...new Map(all.map(({ address }) => [formatAddress(address), address])).values()];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
