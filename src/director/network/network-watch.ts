/**
 * The network of a director, watched: links, addresses and routes that change are reported, a few at a time, and the next hops of its servers are kept resolved. The
 * hands of network-news.ts and next-hops.ts, which decide.
 */

import { listAddresses } from "../../kernel/addresses.ts";
import { listLinks } from "../../kernel/links.ts";
import { listNeighbours, resolveNeighbour } from "../../kernel/neighbours.ts";
import { watchNetlink } from "../../kernel/netlink-watch.ts";
import { readSysctl } from "../../kernel/sysctl.ts";
import type { Family } from "../../model/address.ts";
import type { NetlinkEvent } from "../../wire/netlink-event.ts";
import { makeNetworkNews, type NetworkChange } from "./network-news.ts";
import { makeNextHops, type NextHop, TICK_MS } from "./next-hops.ts";

export interface NetworkWatch {
  /** Whom the packet path sends to now: the ways of its servers, less those to this host itself. */
  keep(hops: readonly NextHop[]): void;
  /** Of those that are kept. */
  readonly unresolved: number;
}

export interface NetworkWatchOptions {
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Not more often than every 50 ms, and not for changes that mean nothing to a director. */
  readonly changed: (change: NetworkChange) => void;
  /** What will not work as it should: the kernel's table of neighbours is too small, the watch has to begin again. */
  readonly warn: (text: string) => void;
}

/** Neighbours are read whole now and then: not each of their changes is announced. */
const DUMP_MS = 60_000;
const AGAIN_MS = 1000;

const TEXT = {
  failed: (reason: string) => `the network cannot be watched: ${reason}; trying again`,
  small: (hops: number, setting: string, limit: number) =>
    `${hops} next hops are more than the kernel keeps neighbours (${setting} = ${limit}): sysctl -w ${setting}=${2 ** Math.ceil(Math.log2(hops * 2))}`,
} as const;

/** In the network namespace of the caller. Begins at once; ends with the signal. */
export function watchNetwork({ signal, nowMs, changed, warn }: NetworkWatchOptions): NetworkWatch {
  const news = makeNetworkNews();
  const hops = makeNextHops({ nameOf: news.nameOf, carries: news.carries });
  let reportTimer: NodeJS.Timeout | undefined;
  let dumpedMs = Number.NEGATIVE_INFINITY;

  const lookAtAll = (): void => {
    news.look(listLinks(), listAddresses(), nowMs());
    dumpedMs = Number.NEGATIVE_INFINITY;
  };

  const report = (): void => {
    reportTimer = undefined;
    const change = news.report(nowMs());
    if (change !== undefined) changed(change);
    schedule();
  };

  const schedule = (): void => {
    const dueMs = news.deadlineMs();
    if (dueMs === undefined || signal.aborted) return;
    // One that came too early looks again.
    reportTimer ??= setTimeout(report, Math.max(1, dueMs - nowMs()));
  };

  const take = (event: NetlinkEvent): void => {
    news.take(event, nowMs());
    if (event.kind === "neighbour") {
      if (event.change === "new") hops.observe(event.neighbour, nowMs());
      else hops.forget(event.neighbour, nowMs());
    } else if (event.kind === "lost") lookAtAll();
    schedule();
  };

  const tick = (): void => {
    if (hops.count === 0) return;
    if (nowMs() - dumpedMs >= DUMP_MS) {
      dumpedMs = nowMs();
      hops.observeAll(listNeighbours(), nowMs());
    }
    const { ask, tell } = hops.tick(nowMs());
    for (const hop of ask) {
      try {
        resolveNeighbour(hop.interfaceIndex, hop.address);
      } catch (error) {
        hops.refused(hop, messageOf(error));
      }
    }
    if (tell.length > 0) changed({ links: false, addresses: false, routes: false, neighbours: true, what: tell.join("; ") });
  };

  let events = watchNetlink(["link", "address", "route", "neighbour"], signal);
  lookAtAll();
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        for await (const event of events) take(event);
      } catch (error) {
        warn(TEXT.failed(messageOf(error)));
      }
      if (signal.aborted) return;
      await pause(AGAIN_MS, signal);
      if (signal.aborted) return;
      try {
        events = watchNetlink(["link", "address", "route", "neighbour"], signal);
        take({ kind: "lost" });
      } catch (error) {
        warn(TEXT.failed(messageOf(error)));
      }
    }
  };
  void watch();

  const ticker = setInterval(() => {
    try {
      tick();
    } catch (error) {
      warn(TEXT.failed(messageOf(error)));
      dumpedMs = nowMs();
    }
  }, TICK_MS);
  const end = (): void => {
    clearInterval(ticker);
    clearTimeout(reportTimer);
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });

  let warned = "";
  return {
    keep(wanted) {
      if (hops.set(wanted, nowMs())) dumpedMs = Number.NEGATIVE_INFINITY;
      const small = (["ipv4", "ipv6"] as const).flatMap((family) => tooSmall(wanted, family)).join("; ");
      if (small !== "" && small !== warned) warn(small);
      warned = small;
    },
    get unresolved() {
      return hops.unresolved;
    },
  };
}

/** Beyond gc_thresh3 the kernel refuses new neighbours. The setting is of the whole machine, and to be seen in its first namespace only. */
function tooSmall(hops: readonly NextHop[], family: Family): string[] {
  const setting = `net/${family}/neigh/default/gc_thresh3`;
  const limit = Number(readSysctl(setting) ?? Number.POSITIVE_INFINITY);
  const count = hops.filter(({ address }) => address.family === family).length;
  return count > limit ? [TEXT.small(count, setting.replaceAll("/", "."), limit)] : [];
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
