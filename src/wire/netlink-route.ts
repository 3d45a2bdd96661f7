/** Routes in netlink's words: RTM_*ROUTE (include/uapi/linux/rtnetlink.h). */

import { type Address, type Family, packetBytes } from "../model/address.ts";
import {
  type Attribute,
  type Attributes,
  concatenate,
  decodeAttributes,
  encodeAttributes,
  headView,
  u32Attribute,
  u32Of,
} from "./netlink.ts";
import { addressOf, familyNumber, familyOf, unspecified } from "./netlink-family.ts";

export const RouteMessage = Object.freeze({ NEW: 24, DELETE: 25, GET: 26 } as const);

export type RouteKind = "unicast" | "local" | "broadcast" | "multicast" | "blackhole" | "unreachable" | "prohibit" | "other";
export type RouteScope = "global" | "link" | "host";

export interface NextHop {
  readonly interfaceIndex: number | undefined;
  readonly gateway: Address | undefined;
}

export interface Route {
  readonly family: Family;
  /** Length 0: the default route. */
  readonly destination: Address;
  readonly prefixLength: number;
  readonly kind: RouteKind;
  readonly table: number;
  readonly protocol: number;
  readonly scope: RouteScope;
  readonly interfaceIndex: number | undefined;
  readonly gateway: Address | undefined;
  readonly preferredSource: Address | undefined;
  readonly priority: number | undefined;
  readonly mtu: number | undefined;
  readonly advmss: number | undefined;
  /** When there is more than one way; interfaceIndex and gateway are then those of the first. */
  readonly nextHops: readonly NextHop[];
}

export interface NewRoute {
  readonly destination: Address;
  readonly prefixLength: number;
  readonly interfaceIndex?: number;
  readonly gateway?: Address;
  readonly preferredSource?: Address;
  readonly table?: number;
  readonly priority?: number;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly scope?: RouteScope;
  readonly kind?: "unicast" | "local" | "blackhole" | "unreachable" | "prohibit";
  /** The gateway is reachable though no route says so (RTNH_F_ONLINK). */
  readonly onLink?: boolean;
}

export const MAIN_TABLE = 254;

const HEAD_BYTES = 12;
const NEXT_HOP_BYTES = 8;
/** RTA_* */
const A = Object.freeze({
  DST: 1,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  TABLE: 15,
  MARK: 16,
  VIA: 18,
});
const METRIC_MTU = 2;
const METRIC_ADVMSS = 8;
const RTPROT_ANY = 0;
const RTPROT_STATIC = 4;
const KIND_ANY = 0;
/** RT_SCOPE_NOWHERE: in a removal, any (fib_table_delete). */
const SCOPE_ANY = 255;
const RTNH_F_ONLINK = 4;
const SCOPES = { global: 0, link: 253, host: 254 } as const satisfies Record<RouteScope, number>;
const KINDS: Readonly<Record<number, RouteKind>> = {
  1: "unicast",
  2: "local",
  3: "broadcast",
  5: "multicast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
};
const KIND_NUMBERS = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

/** Dump: every route of every table. */
export function encodeRouteQuery(family?: Family): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  if (family !== undefined) bytes[0] = familyNumber(family);
  return bytes;
}

/** The way a packet would take. */
export function encodeRouteLookup(lookup: { destination: Address; mark?: number; interfaceIndex?: number }): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const value = packetBytes(lookup.destination);
  bytes[0] = familyNumber(lookup.destination.family);
  bytes[1] = value.length * 8;
  const attributes: Attribute[] = [{ type: A.DST, value }];
  if (lookup.mark !== undefined) attributes.push(u32Attribute(A.MARK, lookup.mark));
  if (lookup.interfaceIndex !== undefined) attributes.push(u32Attribute(A.OIF, lookup.interfaceIndex));
  return concatenate([bytes, encodeAttributes(attributes)]);
}

export function encodeRoute(route: NewRoute): Uint8Array {
  return routePayload(route, {
    protocol: RTPROT_STATIC,
    scope: SCOPES[route.scope ?? defaultScope(route)],
    kind: KIND_NUMBERS[route.kind ?? "unicast"],
  });
}

/** What the route does not say matches whatever is there: who made it, its scope, its metrics. */
export function encodeRouteRemoval(route: NewRoute): Uint8Array {
  const { mtu: _mtu, advmss: _advmss, ...rest } = route;
  return routePayload(rest, {
    protocol: RTPROT_ANY,
    scope: route.scope === undefined ? SCOPE_ANY : SCOPES[route.scope],
    kind: route.kind === undefined ? KIND_ANY : KIND_NUMBERS[route.kind],
  });
}

function routePayload(route: NewRoute, head: { protocol: number; scope: number; kind: number }): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  const table = route.table ?? MAIN_TABLE;
  view.setUint8(0, familyNumber(route.destination.family));
  view.setUint8(1, route.prefixLength);
  view.setUint8(4, table < 256 ? table : 0);
  view.setUint8(5, head.protocol);
  view.setUint8(6, head.scope);
  view.setUint8(7, head.kind);
  view.setUint32(8, route.onLink === true ? RTNH_F_ONLINK : 0, true);
  return concatenate([bytes, encodeAttributes(routeAttributes(route, table))]);
}

/** As `ip route` chooses: what has no gateway is on the link. IPv6 knows no scopes. */
function defaultScope(route: NewRoute): RouteScope {
  if (route.destination.family === "ipv6") return "global";
  if (route.kind === "local") return "host";
  const isUnicast = route.kind === undefined || route.kind === "unicast";
  return isUnicast && route.gateway === undefined ? "link" : "global";
}

function routeAttributes(route: NewRoute, table: number): readonly Attribute[] {
  const attributes: Attribute[] = [u32Attribute(A.TABLE, table)];
  if (route.prefixLength > 0) attributes.push({ type: A.DST, value: packetBytes(route.destination) });
  if (route.interfaceIndex !== undefined) attributes.push(u32Attribute(A.OIF, route.interfaceIndex));
  if (route.gateway !== undefined) attributes.push(gatewayAttribute(route.destination.family, route.gateway));
  if (route.preferredSource !== undefined) attributes.push({ type: A.PREFSRC, value: packetBytes(route.preferredSource) });
  if (route.priority !== undefined) attributes.push(u32Attribute(A.PRIORITY, route.priority));
  const metrics: Attribute[] = [];
  if (route.mtu !== undefined) metrics.push(u32Attribute(METRIC_MTU, route.mtu));
  if (route.advmss !== undefined) metrics.push(u32Attribute(METRIC_ADVMSS, route.advmss));
  if (metrics.length > 0) attributes.push({ type: A.METRICS, value: metrics });
  return attributes;
}

/** An IPv4 route may lead through an IPv6 neighbour (RFC 5549): RTA_VIA, with the family before the address. */
function gatewayAttribute(family: Family, gateway: Address): Attribute {
  if (gateway.family === family) return { type: A.GATEWAY, value: packetBytes(gateway) };
  return { type: A.VIA, value: concatenate([Uint8Array.of(familyNumber(gateway.family), 0), packetBytes(gateway)]) };
}

/** undefined: of a family that is not ours. */
export function decodeRoute(payload: Uint8Array): Route | undefined {
  const head = headView(payload, HEAD_BYTES, "route message");
  const family = familyOf(head.getUint8(0));
  if (family === undefined) return undefined;
  const attributes = decodeAttributes(payload.subarray(HEAD_BYTES));
  const metrics = decodeAttributes(attributes.get(A.METRICS) ?? new Uint8Array(0));
  const nextHops = decodeNextHops(attributes.get(A.MULTIPATH));
  const scope = head.getUint8(6);
  return {
    family,
    destination: addressOf(attributes.get(A.DST)) ?? unspecified(family),
    prefixLength: head.getUint8(1),
    kind: KINDS[head.getUint8(7)] ?? "other",
    table: u32Of(attributes.get(A.TABLE)) ?? head.getUint8(4),
    protocol: head.getUint8(5),
    scope: scope === SCOPES.link ? "link" : scope === SCOPES.host ? "host" : "global",
    interfaceIndex: u32Of(attributes.get(A.OIF)) ?? nextHops[0]?.interfaceIndex,
    gateway: gatewayOf(attributes) ?? nextHops[0]?.gateway,
    preferredSource: addressOf(attributes.get(A.PREFSRC)),
    priority: u32Of(attributes.get(A.PRIORITY)),
    mtu: u32Of(metrics.get(METRIC_MTU)),
    advmss: u32Of(metrics.get(METRIC_ADVMSS)),
    nextHops,
  };
}

function gatewayOf(attributes: Attributes): Address | undefined {
  return addressOf(attributes.get(A.GATEWAY)) ?? addressOf(attributes.get(A.VIA)?.subarray(2));
}

/** struct rtnexthop, one after the other, each with attributes of its own. */
function decodeNextHops(value: Uint8Array | undefined): readonly NextHop[] {
  if (value === undefined) return [];
  const hops: NextHop[] = [];
  let at = 0;
  while (value.length - at >= NEXT_HOP_BYTES) {
    const head = headView(value.subarray(at), NEXT_HOP_BYTES, "next hop");
    const length = head.getUint16(0, true);
    if (length < NEXT_HOP_BYTES || length > value.length - at) break;
    const attributes = decodeAttributes(value.subarray(at + NEXT_HOP_BYTES, at + length));
    hops.push({ interfaceIndex: head.getInt32(4, true), gateway: gatewayOf(attributes) });
    at += (length + 3) & ~3;
  }
  return hops;
}
