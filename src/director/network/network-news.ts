/**
 * What netlink's events mean for a director: pure. Links and addresses are compared with what was known, because the kernel announces many things that do not matter
 * here (a program attached, a lifetime renewed). News wait for a moment of quiet, but not for ever, and become one report.
 */

import { type Address, formatAddress } from "../../model/address.ts";
import type { InterfaceAddress } from "../../wire/netlink-address.ts";
import type { NetlinkEvent } from "../../wire/netlink-event.ts";
import type { Link } from "../../wire/netlink-link.ts";
import type { Route } from "../../wire/netlink-route.ts";

/** What changed, and in words. */
export interface NetworkChange {
  readonly links: boolean;
  readonly addresses: boolean;
  readonly routes: boolean;
  /** Of next hops: another MAC address, unreachable, or reachable again. */
  readonly neighbours: boolean;
  /** "eth1 appeared; address 10.0.0.5 on eth1; 3 routes". */
  readonly what: string;
}

export interface NetworkNews {
  /** What is there, read anew: at the beginning, which is no news, and after events were lost, when what differs from what was known is. */
  look(links: readonly Link[], addresses: readonly InterfaceAddress[], nowMs: number): void;
  /** "lost" asks for look(). */
  take(event: NetlinkEvent, nowMs: number): void;
  /** When report() has something; undefined: nothing is new. */
  deadlineMs(): number | undefined;
  report(nowMs: number): NetworkChange | undefined;
  /** "eth0", or "interface 7". */
  readonly nameOf: (interfaceIndex: number) => string;
  /** Up and with a carrier. */
  readonly carries: (interfaceIndex: number) => boolean;
}

/** Changes come in flocks: a link, its addresses, its routes. */
const QUIET_MS = 50;
const LATEST_MS = 500;
/** Routing daemons change routes without end, and to look up all servers' ways is work. */
const ROUTES_EVERY_MS = 2000;
const WORDS_MAX = 8;
const RT_TABLE_LOCAL = 255;
const RTPROT_KERNEL = 2;

const TEXT = {
  lost: "events of the network were lost: everything is looked at",
  appeared: (name: string) => `${name} appeared`,
  gone: (name: string) => `${name} is gone`,
  renamed: (before: string, after: string) => `${before} is called ${after}`,
  state: (name: string, { up, running }: KnownLink) => `${name} ${!up ? "is down" : running ? "is up" : "has no carrier"}`,
  mtu: (name: string, before: number, after: number) => `${name}: MTU ${before} -> ${after}`,
  mac: (name: string) => `${name} has another MAC address`,
  master: (name: string) => `${name} has another master`,
  address: (address: string, name: string) => `address ${address} on ${name}`,
  addressGone: (address: string, name: string) => `address ${address} gone from ${name}`,
  route: (route: string) => `route ${route}`,
  routeGone: (route: string) => `route ${route} gone`,
  routes: "routes of the kernel's own",
  more: (count: number) => `${count} more`,
} as const;

interface KnownLink {
  readonly name: string;
  readonly up: boolean;
  readonly running: boolean;
  readonly mtu: number;
  readonly mac: string;
  readonly master: number | undefined;
}

type Kind = "links" | "addresses" | "routes";

export function makeNetworkNews(): NetworkNews {
  const links = new Map<number, KnownLink>();
  /** By interface and address; whether it can be used yet. */
  const addresses = new Map<string, boolean>();
  let kinds = new Set<Kind>();
  let words: string[] = [];
  let untold = 0;
  let begun = false;
  let firstMs: number | undefined;
  let lastMs = 0;
  let routesReportedMs = Number.NEGATIVE_INFINITY;

  const nameOf = (index: number): string => links.get(index)?.name ?? `interface ${index}`;

  const news = (kind: Kind, text: string | undefined, nowMs: number): void => {
    if (!begun) return;
    kinds.add(kind);
    firstMs ??= nowMs;
    lastMs = nowMs;
    if (text === undefined || words.includes(text)) return;
    if (words.length < WORDS_MAX) words.push(text);
    else untold++;
  };

  const linkIs = (link: Link, nowMs: number): void => {
    const before = links.get(link.index);
    const { name, up, running, mtu } = link;
    const after = { name, up, running: up && running, mtu, mac: Buffer.from(link.mac).toString("hex"), master: link.masterIndex };
    links.set(link.index, after);
    const tell = (text: string) => news("links", text, nowMs);
    if (before === undefined) {
      tell(TEXT.appeared(name));
      return;
    }
    if (before.name !== name) tell(TEXT.renamed(before.name, name));
    if (before.up !== after.up || before.running !== after.running) tell(TEXT.state(name, after));
    if (before.mtu !== mtu) tell(TEXT.mtu(name, before.mtu, mtu));
    if (before.mac !== after.mac) tell(TEXT.mac(name));
    if (before.master !== after.master) tell(TEXT.master(name));
  };

  const linkIsGone = (index: number, nowMs: number): void => {
    if (!links.has(index)) return;
    news("links", TEXT.gone(nameOf(index)), nowMs);
    links.delete(index);
    // Its addresses go with it, and not each is announced.
    for (const key of addresses.keys()) if (key.startsWith(`${index} `)) addresses.delete(key);
  };

  const addressIs = (one: InterfaceAddress, nowMs: number): void => {
    const usable = !one.tentative && !one.duplicate;
    if (addresses.get(addressKey(one)) === usable) return;
    addresses.set(addressKey(one), usable);
    if (usable) news("addresses", TEXT.address(formatAddress(one.address), nameOf(one.interfaceIndex)), nowMs);
  };

  const addressIsGone = (one: InterfaceAddress, nowMs: number): void => {
    if (addresses.delete(addressKey(one)))
      news("addresses", TEXT.addressGone(formatAddress(one.address), nameOf(one.interfaceIndex)), nowMs);
  };

  return {
    nameOf,
    carries: (index) => links.get(index)?.running === true,
    look(present, presentAddresses, nowMs) {
      const indexes = new Set(present.map(({ index }) => index));
      for (const index of links.keys()) if (!indexes.has(index)) linkIsGone(index, nowMs);
      for (const link of present) linkIs(link, nowMs);
      const keys = new Set(presentAddresses.map(addressKey));
      for (const key of addresses.keys()) {
        if (keys.has(key)) continue;
        addresses.delete(key);
        const [index, address = ""] = key.split(" ");
        news("addresses", TEXT.addressGone(address, nameOf(Number(index))), nowMs);
      }
      for (const one of presentAddresses) addressIs(one, nowMs);
      begun = true;
    },
    take(event, nowMs) {
      switch (event.kind) {
        case "link":
          return event.change === "new" ? linkIs(event.link, nowMs) : linkIsGone(event.link.index, nowMs);
        case "address":
          return event.change === "new" ? addressIs(event.address, nowMs) : addressIsGone(event.address, nowMs);
        case "route": {
          const { route, change } = event;
          if (isOfLocalTable(route)) return;
          // The kernel's own come and go with addresses, which are told of.
          const text = (change === "new" ? TEXT.route : TEXT.routeGone)(describeRoute(route));
          return news("routes", route.protocol === RTPROT_KERNEL ? undefined : text, nowMs);
        }
        case "lost":
          news("routes", TEXT.lost, nowMs);
          kinds = new Set(["links", "addresses", "routes"]);
          return;
        case "neighbour":
          return;
      }
    },
    deadlineMs() {
      if (firstMs === undefined) return undefined;
      const settledMs = Math.min(lastMs + QUIET_MS, firstMs + LATEST_MS);
      const onlyRoutes = kinds.size === 1 && kinds.has("routes");
      return onlyRoutes ? Math.max(settledMs, routesReportedMs + ROUTES_EVERY_MS) : settledMs;
    },
    report(nowMs) {
      const dueMs = this.deadlineMs();
      if (dueMs === undefined || nowMs < dueMs) return undefined;
      if (kinds.has("routes")) routesReportedMs = nowMs;
      const change = {
        links: kinds.has("links"),
        addresses: kinds.has("addresses"),
        routes: kinds.has("routes"),
        neighbours: false,
        what: [...words, ...(untold === 0 ? [] : [TEXT.more(untold)])].join("; ") || TEXT.routes,
      };
      kinds = new Set();
      words = [];
      untold = 0;
      firstMs = undefined;
      return change;
    },
  };
}

function addressKey({ interfaceIndex, address }: { readonly interfaceIndex: number; readonly address: Address }): string {
  return `${interfaceIndex} ${formatAddress(address)}`;
}

/** Local and broadcast addresses as routes. */
function isOfLocalTable({ table, protocol, kind }: Route): boolean {
  return (table === RT_TABLE_LOCAL && protocol === RTPROT_KERNEL) || kind === "broadcast" || kind === "multicast";
}

function describeRoute({ destination, prefixLength, gateway }: Route): string {
  const to = prefixLength === 0 ? "default" : `${formatAddress(destination)}/${prefixLength}`;
  return gateway === undefined ? to : `${to} via ${formatAddress(gateway)}`;
}
