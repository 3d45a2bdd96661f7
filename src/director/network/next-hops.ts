/**
 * The next hops of the ways to real servers, kept resolved and fresh: which neighbour is to be asked for when, and what is worth telling. Pure: it is told what the
 * kernel says and what time it is. Ten thousand of them are asked a few at a time.
 *
 * The packet path sends by the kernel's neighbour entries, but XDP's packets do not count as use of one: without anybody asking an entry grows stale, is
 * forgotten, and the first packet after that waits. And a server that was exchanged has another MAC address, which only asking finds out.
 */

import { type Address, formatAddress } from "../../model/address.ts";
import type { Neighbour, NeighbourState } from "../../wire/netlink-neighbour.ts";
import type { ServerWay } from "../server-way.ts";

/** A neighbour that packets for servers are sent to: the server itself, or a gateway. */
export interface NextHop {
  readonly interfaceIndex: number;
  readonly address: Address;
}

export interface NextHopActions {
  /** In this order. */
  readonly ask: readonly NextHop[];
  /** Each a whole sentence. */
  readonly tell: readonly string[];
}

export interface NextHops {
  /** Those that are to be kept from now on; what is known of those that stay is kept too. Whether some are new. */
  set(hops: readonly NextHop[], nowMs: number): boolean;
  /** As a dump or an event says. */
  observe(neighbour: Neighbour, nowMs: number): void;
  /** The entry is gone. */
  forget(hop: NextHop, nowMs: number): void;
  /** All that there is: what was not seen is gone. */
  observeAll(neighbours: readonly Neighbour[], nowMs: number): void;
  /** The kernel would not take the question. */
  refused(hop: NextHop, reason: string): void;
  /** To be called about each TICK_MS. */
  tick(nowMs: number): NextHopActions;
  readonly count: number;
  readonly unresolved: number;
}

export interface NextHopNames {
  readonly nameOf: (interfaceIndex: number) => string;
  /** What is on an interface without a carrier is not asked for. */
  readonly carries: (interfaceIndex: number) => boolean;
}

export const TICK_MS = 250;
/** A tick's: a thousand a second, each a frame of 42 bytes and its answer. */
const ASKED_AT_ONCE = 250;
/** The kernel asks three times, a second apart, before it gives up. */
const ANSWER_MS = 4000;
/** Stale entries: as long as the kernel takes a confirmed one for good. */
const STALE_MS = 30_000;
const AGAIN_MS = [1000, 2000, 4000, 8000, 16_000, 30_000] as const;
/** Two hosts with one address would fill the journal. */
const MAC_TOLD_EVERY_MS = 10_000;
/** News of one kind and interface that come together are told together. */
const NAMES_MAX = 4;

const TEXT = {
  mac: (address: string, on: string, before: string, after: string) =>
    `the MAC address of ${address} on ${on} changed: ${before} -> ${after}`,
  macs: (who: string, on: string) => `the MAC addresses of ${who} on ${on} changed`,
  lost: (who: string, on: string, reason: string) => `${who} cannot be resolved on ${on}: ${reason}`,
  found: (who: string, on: string) => `${who} resolved again on ${on}`,
  more: (count: number) => ` and ${count} more`,
  silent: "nobody answers",
} as const;

interface Known {
  readonly hop: NextHop;
  readonly name: string;
  state: NeighbourState | "absent";
  /** Since when. */
  stateMs: number;
  mac: string | undefined;
  /** The last that was told of, or the first that was seen. */
  toldMac: string | undefined;
  macToldMs: number;
  /** Questions in a row without an answer. */
  asked: number;
  firstAskedMs: number;
  askedMs: number;
  refusal: string | undefined;
  /** Told to be unresolved. */
  lost: boolean;
}

interface News {
  readonly kind: "lost" | "found" | "mac";
  readonly known: Known;
  readonly detail: string;
}

export function makeNextHops({ nameOf, carries }: NextHopNames): NextHops {
  let hops = new Map<string, Known>();
  /** Where the next tick goes on, so that all get their turn. */
  let turn = 0;

  const become = (known: Known, state: Known["state"], nowMs: number): void => {
    if (known.state === state) return;
    known.state = state;
    known.stateMs = nowMs;
  };

  const observe = ({ interfaceIndex, address, mac, state }: Neighbour, nowMs: number): void => {
    const known = hops.get(keyOf({ interfaceIndex, address }));
    if (known === undefined) return;
    become(known, state, nowMs);
    if (!isResolved(known)) return;
    known.asked = 0;
    known.refusal = undefined;
    known.mac = mac === undefined ? undefined : formatMac(mac);
    known.toldMac ??= known.mac;
  };

  const forget = (hop: NextHop, nowMs: number): void => {
    const known = hops.get(keyOf(hop));
    if (known !== undefined) become(known, "absent", nowMs);
  };

  /** What has changed enough to be told. */
  const newsOf = (known: Known, nowMs: number): News | undefined => {
    if (isResolved(known)) {
      if (known.lost) {
        known.lost = false;
        return { kind: "found", known, detail: "" };
      }
      if (known.mac === known.toldMac || nowMs - known.macToldMs < MAC_TOLD_EVERY_MS) return undefined;
      const detail = TEXT.mac(known.name, nameOf(known.hop.interfaceIndex), known.toldMac ?? "", known.mac ?? "");
      known.toldMac = known.mac;
      known.macToldMs = nowMs;
      return { kind: "mac", known, detail };
    }
    // One that was never asked for is no trouble yet; nor is one whose link is gone, which is told of by itself.
    const unanswered = known.asked > 0 && (nowMs - known.firstAskedMs >= ANSWER_MS || known.refusal !== undefined);
    if (known.lost || !unanswered || !carries(known.hop.interfaceIndex)) return undefined;
    known.lost = true;
    return { kind: "lost", known, detail: known.refusal ?? TEXT.silent };
  };

  return {
    get count() {
      return hops.size;
    },
    get unresolved() {
      let count = 0;
      for (const known of hops.values()) if (known.lost) count++;
      return count;
    },
    set(wanted, nowMs) {
      const before = hops;
      hops = new Map(wanted.map((hop) => [keyOf(hop), before.get(keyOf(hop)) ?? unknown(hop, nowMs)]));
      return [...hops.keys()].some((key) => !before.has(key));
    },
    observe,
    forget,
    observeAll(neighbours, nowMs) {
      const seen = new Set<string>();
      for (const neighbour of neighbours) {
        seen.add(keyOf(neighbour));
        observe(neighbour, nowMs);
      }
      for (const [key, known] of hops) if (!seen.has(key)) become(known, "absent", nowMs);
    },
    refused(hop, reason) {
      const known = hops.get(keyOf(hop));
      if (known !== undefined) known.refusal = reason;
    },
    tick(nowMs) {
      const ask: NextHop[] = [];
      const news: News[] = [];
      const all = [...hops.values()];
      for (let i = 0; i < all.length; i++) {
        const known = all[(turn + i) % all.length];
        if (known === undefined) continue;
        const told = newsOf(known, nowMs);
        if (told !== undefined) news.push(told);
        if (ask.length >= ASKED_AT_ONCE || !carries(known.hop.interfaceIndex) || !isDue(known, nowMs)) continue;
        if (known.asked === 0) known.firstAskedMs = nowMs;
        known.asked++;
        known.askedMs = nowMs;
        ask.push(known.hop);
        if (ask.length === ASKED_AT_ONCE) turn = (turn + i + 1) % all.length;
      }
      return { ask, tell: sentences(news, nameOf) };
    },
  };
}

/** Of the ways to servers; each once, those to this host itself and those that are not there left out. */
export function nextHopsOf(ways: readonly (ServerWay | undefined)[]): readonly NextHop[] {
  const found = new Map<string, NextHop>();
  for (const way of ways) {
    if (way === undefined || way.local) continue;
    const hop = { interfaceIndex: way.ifindex, address: way.nextHop };
    found.set(keyOf(hop), hop);
  }
  return [...found.values()];
}

function isDue({ state, stateMs, asked, askedMs }: Known, nowMs: number): boolean {
  const sinceAskedMs = nowMs - askedMs;
  switch (state) {
    case "permanent":
    case "noarp":
    // It is fresh, or the kernel is asking already.
    case "reachable":
    case "delay":
    case "probe":
      return false;
    case "stale":
      return nowMs - stateMs >= STALE_MS && sinceAskedMs >= STALE_MS;
    case "incomplete":
    case "absent":
    case "failed":
    case "none":
      return sinceAskedMs >= (asked === 0 ? 0 : (AGAIN_MS[Math.min(asked, AGAIN_MS.length) - 1] ?? 0));
  }
}

/** The kernel knows where to send. */
function isResolved({ state }: Known): boolean {
  return state !== "absent" && state !== "failed" && state !== "incomplete" && state !== "none";
}

function unknown(hop: NextHop, nowMs: number): Known {
  return {
    hop,
    name: formatAddress(hop.address),
    state: "absent",
    stateMs: nowMs,
    mac: undefined,
    toldMac: undefined,
    macToldMs: Number.NEGATIVE_INFINITY,
    asked: 0,
    firstAskedMs: Number.NEGATIVE_INFINITY,
    askedMs: Number.NEGATIVE_INFINITY,
    refusal: undefined,
    lost: false,
  };
}

/** A switch that fails takes thousands of servers with it: they are one sentence an interface and reason. */
function sentences(news: readonly News[], nameOf: NextHopNames["nameOf"]): string[] {
  const groups = Map.groupBy(news, ({ kind, known, detail }) => `${kind} ${known.hop.interfaceIndex} ${kind === "lost" ? detail : ""}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    if (first.kind === "mac" && group.length <= NAMES_MAX) return group.map(({ detail }) => detail);
    const on = nameOf(first.known.hop.interfaceIndex);
    const named = group.slice(0, NAMES_MAX).map(({ known }) => known.name);
    const who = `${named.join(", ")}${group.length > NAMES_MAX ? TEXT.more(group.length - NAMES_MAX) : ""}`;
    if (first.kind === "lost") return [TEXT.lost(who, on, first.detail)];
    return [first.kind === "found" ? TEXT.found(who, on) : TEXT.macs(who, on)];
  });
}

function keyOf({ interfaceIndex, address }: NextHop): string {
  return `${interfaceIndex} ${formatAddress(address)}`;
}

function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
