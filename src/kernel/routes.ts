/** Routes: listed, looked up as a packet would, added, replaced, removed. */

import { type Address, type Family, formatAddress } from "../model/address.ts";
import { NetlinkFlag } from "../wire/netlink.ts";
import {
  decodeRoute,
  encodeRoute,
  encodeRouteLookup,
  encodeRouteQuery,
  encodeRouteRemoval,
  type NewRoute,
  type Route,
  RouteMessage,
} from "../wire/netlink-route.ts";
import { findLink } from "./links.ts";
import { askAll, change, dump, isNetlinkErrno, type NetlinkAnswer, netlinkError } from "./netlink.ts";
import { Errno } from "./system-call.ts";

/** How the kernel says that no route leads there, or one that leads nowhere. */
const NO_WAY: readonly number[] = [Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES, Errno.EINVAL];

/** The way to an address, as a packet of ours would go. */
export interface Way {
  readonly interfaceIndex: number;
  /** undefined: the destination is a neighbour itself. */
  readonly gateway: Address | undefined;
  readonly source: Address | undefined;
  /** Of the route where it has one (a learnt path MTU too), else of the interface. */
  readonly mtu: number;
  /** The destination is one of our own addresses. */
  readonly local: boolean;
}

export function listRoutes(family?: Family): readonly Route[] {
  return dump({ type: RouteMessage.GET, payload: encodeRouteQuery(family), attempted: "list the routes" })
    .map((message) => decodeRoute(message.payload))
    .filter((route) => route !== undefined);
}

/** undefined when no route leads there. */
export function wayTo(destination: Address, options: { mark?: number; interfaceIndex?: number } = {}): Way | undefined {
  return waysTo([destination], options)[0];
}

/** The ways to many, in their order: asked together. */
export function waysTo(
  destinations: readonly Address[],
  options: { mark?: number; interfaceIndex?: number } = {},
): readonly (Way | undefined)[] {
  const mtus = new Map<number, number>();
  const mtuOf = (interfaceIndex: number): number => {
    const known = mtus.get(interfaceIndex) ?? findLink(interfaceIndex)?.mtu ?? 0;
    mtus.set(interfaceIndex, known);
    return known;
  };
  const requests = destinations.map((destination) => ({
    type: RouteMessage.GET,
    payload: encodeRouteLookup({ destination, ...options }),
    attempted: `find the route to ${formatAddress(destination)}`,
  }));
  return askAll(requests).map((answer, i) => wayOf(answer, { attempted: requests[i]?.attempted ?? "", mtuOf }));
}

function wayOf(
  answer: NetlinkAnswer,
  { attempted, mtuOf }: { attempted: string; mtuOf: (interfaceIndex: number) => number },
): Way | undefined {
  if (answer.kind === "refused") {
    if (NO_WAY.includes(answer.errno)) return undefined;
    throw netlinkError(attempted, answer.errno, answer.text);
  }
  const route = decodeRoute(answer.message.payload);
  if (route === undefined) throw netlinkError(attempted, 0, "the kernel answered with another family");
  // IPv6 answers a lookup that fails with a route that says so.
  const usable = route.kind === "unicast" || route.kind === "local";
  if (!usable || route.interfaceIndex === undefined) return undefined;
  return {
    interfaceIndex: route.interfaceIndex,
    gateway: route.gateway,
    source: route.preferredSource,
    mtu: route.mtu ?? mtuOf(route.interfaceIndex),
    local: route.kind === "local",
  };
}

/** Throws when the same route is there already. */
export function addRoute(route: NewRoute): void {
  change({
    type: RouteMessage.NEW,
    flags: NetlinkFlag.CREATE | NetlinkFlag.EXCLUSIVE,
    payload: encodeRoute(route),
    attempted: `add the route ${describe(route)}`,
  });
}

/** Instead of the one with the same destination, table and priority, or as a new one. */
export function replaceRoute(route: NewRoute): void {
  change({
    type: RouteMessage.NEW,
    flags: NetlinkFlag.CREATE | NetlinkFlag.REPLACE,
    payload: encodeRoute(route),
    attempted: `set the route ${describe(route)}`,
  });
}

/** Whether it was there. */
export function deleteRoute(route: NewRoute): boolean {
  try {
    change({ type: RouteMessage.DELETE, payload: encodeRouteRemoval(route), attempted: `remove the route ${describe(route)}` });
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, Errno.ESRCH)) return false;
    throw error;
  }
}

function describe(route: NewRoute): string {
  const to =
    route.prefixLength === 0 ? `default (${route.destination.family})` : `${formatAddress(route.destination)}/${route.prefixLength}`;
  const through = route.gateway === undefined ? "" : ` via ${formatAddress(route.gateway)}`;
  const on = route.interfaceIndex === undefined ? "" : ` on interface ${route.interfaceIndex}`;
  return `${to}${through}${on}`;
}
