/**
 * Default routes of the main table: listed, and ours put in front of them or taken away again. Ours is two halves of the address
 * space: longer prefixes win whatever the metrics are. (Beside a default route of the same metric the kernel may prefer the one
 * whose gateway it already knows, fib_select_default(), and early NAT replies would bypass the director.)
 */

import { findLink, getLink } from "../kernel/links.ts";
import { deleteRoute, listRoutes, replaceRoute } from "../kernel/routes.ts";
import { type Address, type Family, formatAddress, parseAddress, sameAddress } from "../model/address.ts";
import { MAIN_TABLE, type NewRoute, type Route } from "../wire/netlink-route.ts";
import type { DefaultRoute } from "./host.ts";
import { ABSENT, PRESENT, type Setting } from "./setting.ts";

type DefaultRouteSetting = Extract<Setting, { kind: "default-route" }>;

const HALVES = {
  ipv4: ["0.0.0.0", "128.0.0.0"].map(parseAddress),
  ipv6: ["::", "8000::"].map(parseAddress),
} as const satisfies Record<Family, readonly Address[]>;

/** Before every metric there is. */
const IN_FRONT = -1;
/** Tells our halves from those of others (VPNs make such routes, of metric 0), which are never touched. */
const METRIC = 17;

/** `links`: for the interfaces' names. A pair of halves by one way is a default route in front of all others. */
export function list(links: readonly { readonly index: number; readonly name: string }[]): readonly DefaultRoute[] {
  const routes = listRoutes().filter(({ table, kind }) => table === MAIN_TABLE && kind === "unicast");
  const whole = routes.filter(({ prefixLength }) => prefixLength === 0);
  const paired = routes
    .filter((route) => isHalf(route, 0) && routes.some((other) => isHalf(other, 1) && sameWay(route, other)))
    .sort((one, other) => (one.priority ?? 0) - (other.priority ?? 0));
  return [...paired, ...whole].map((route) => ({
    family: route.family,
    gateway: route.gateway === undefined || route.nextHops.length > 1 ? undefined : formatAddress(route.gateway),
    interfaceName: links.find(({ index }) => index === route.interfaceIndex)?.name ?? "?",
    metric: route.prefixLength === 0 ? (route.priority ?? 0) : IN_FRONT,
  }));
}

/** One half alone is present too: it was left by a process that was killed, and has to go. */
export function read(setting: DefaultRouteSetting): string {
  return standingHalves(setting).length > 0 ? PRESENT : ABSENT;
}

export function write(setting: DefaultRouteSetting, value: string): void {
  const standing = standingHalves(setting);
  const gateway = parseAddress(setting.gateway);
  for (const half of HALVES[gateway.family]) {
    const stands = standing.some((route) => sameAddress(route.destination, half));
    if (stands === (value === PRESENT)) continue;
    const { index } = getLink(setting.interfaceName);
    const route: NewRoute = { destination: half, prefixLength: 1, interfaceIndex: index, gateway, priority: METRIC };
    // Another gateway of ours gives way in the same stroke.
    if (value === PRESENT) replaceRoute(route);
    else deleteRoute(route);
  }
}

function standingHalves(setting: DefaultRouteSetting): readonly Route[] {
  const gateway = parseAddress(setting.gateway);
  const lan = findLink(setting.interfaceName);
  // With its interface a route goes too.
  if (lan === undefined) return [];
  return listRoutes(gateway.family).filter(
    (route) =>
      (isHalf(route, 0) || isHalf(route, 1)) &&
      route.table === MAIN_TABLE &&
      route.priority === METRIC &&
      route.interfaceIndex === lan.index &&
      route.gateway !== undefined &&
      sameAddress(route.gateway, gateway),
  );
}

function isHalf(route: Route, which: 0 | 1): boolean {
  const half = HALVES[route.family][which];
  return route.prefixLength === 1 && half !== undefined && sameAddress(route.destination, half);
}

function sameWay(one: Route, other: Route): boolean {
  if (one.family !== other.family || one.priority !== other.priority || one.interfaceIndex !== other.interfaceIndex) return false;
  return one.gateway === undefined ? other.gateway === undefined : other.gateway !== undefined && sameAddress(one.gateway, other.gateway);
}
