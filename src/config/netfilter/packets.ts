/** Sets of packets, as a mark rule names them: what two of them have in common, and whether one holds all of another. */

import { addressFromBytes, packetBytes } from "../../model/address.ts";
import { prefixByte } from "../../model/mark-rule.ts";
import type { MarkRule, Prefix } from "../../model/plane.ts";

/** What is left out is any. With a prefix stands its family. */
export type Packets = Omit<MarkRule, "mark">;

export const EVERY_PACKET: Packets = {};
const PORT_MAX = 65_535;

export function toPorts(first: number, last: number): Packets {
  return first === 0 && last === PORT_MAX ? EVERY_PACKET : { ports: { first, last } };
}

/** From or to one of the prefix's addresses; of length 0 it is any of its family. */
export function withPrefix(end: "source" | "destination", { address, length }: Prefix): Packets {
  const { family } = address;
  if (length === 0) return { family };
  return { family, [end]: { address: addressFromBytes(packetBytes(address).map((byte, i) => byte & prefixByte(length, i))), length } };
}

/** Undefined: there is no packet that is of both. */
export function common(one: Packets, other: Packets): Packets | undefined {
  if (differ(one.family, other.family) || differ(one.protocol, other.protocol) || differ(one.interfaceName, other.interfaceName))
    return undefined;
  const source = narrower(one.source, other.source);
  const destination = narrower(one.destination, other.destination);
  if (source === null || destination === null) return undefined;
  const first = Math.max(one.ports?.first ?? 0, other.ports?.first ?? 0);
  const last = Math.min(one.ports?.last ?? PORT_MAX, other.ports?.last ?? PORT_MAX);
  if (first > last) return undefined;
  const family = one.family ?? other.family;
  const protocol = one.protocol ?? other.protocol;
  const interfaceName = one.interfaceName ?? other.interfaceName;
  return {
    ...(family === undefined ? {} : { family }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...toPorts(first, last),
    ...(interfaceName === undefined ? {} : { interfaceName }),
  };
}

export function holds(wide: Packets, narrow: Packets): boolean {
  return (
    (wide.family === undefined || wide.family === narrow.family) &&
    (wide.protocol === undefined || wide.protocol === narrow.protocol) &&
    (wide.interfaceName === undefined || wide.interfaceName === narrow.interfaceName) &&
    (wide.ports?.first ?? 0) <= (narrow.ports?.first ?? 0) &&
    (wide.ports?.last ?? PORT_MAX) >= (narrow.ports?.last ?? PORT_MAX) &&
    prefixHolds(wide.source, narrow.source) &&
    prefixHolds(wide.destination, narrow.destination)
  );
}

function differ<Value>(one: Value | undefined, other: Value | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

/** Of two prefixes one is within the other, or they have nothing in common: null. */
function narrower(one: Prefix | undefined, other: Prefix | undefined): Prefix | undefined | null {
  if (prefixHolds(one, other)) return other;
  return prefixHolds(other, one) ? one : null;
}

function prefixHolds(wide: Prefix | undefined, narrow: Prefix | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined || wide.length > narrow.length || wide.address.family !== narrow.address.family) return false;
  return wide.address.bytes.every((byte, i) => byte === ((narrow.address.bytes[i] ?? 0) & prefixByte(wide.length, i)));
}
