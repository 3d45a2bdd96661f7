/** How much the packet path holds. The connection table keeps the size it was made with; the other maps have one size for everybody. */

import { EvenkeelError } from "../model/error.ts";
import type { DesiredState } from "../model/plane.ts";
import { Limits, MAPS, Timeout } from "../wire/abi.ts";

export const CONNECTIONS_MAX_DEFAULT = 160_000;
const CONNECTIONS_LIMIT = 1 << 26;
/** Beyond this share of its slots a table begins to refuse newcomers (docs/decisions/0001). */
const LOAD_MAX = 0.7;

/** A power of two, so that an index is a mask of the hash. */
export function groupsFor(connectionsMax: number): number {
  if (!Number.isInteger(connectionsMax) || connectionsMax < 1 || connectionsMax > CONNECTIONS_LIMIT) {
    throw new EvenkeelError("BAD_ARGUMENT", `cannot make a connection table for ${connectionsMax} connections`, {
      cure: `ask for 1 to ${CONNECTIONS_LIMIT}`,
    });
  }
  return Math.max(16, 2 ** Math.ceil(Math.log2(connectionsMax / Limits.CONNECTION_GROUP_SLOTS / LOAD_MAX)));
}

/** How many connections a table of so many groups was made for, at most. */
export function connectionsIn(groups: number): number {
  return Math.floor(groups * Limits.CONNECTION_GROUP_SLOTS * LOAD_MAX);
}

/** Throws LIMIT_REACHED for what no packet path has room for: before anything is changed, or only asked. */
export function requireRoom({ services, marks = [] }: DesiredState): void {
  const timeouts = services.flatMap(({ timeouts: own }) => (own === undefined ? [] : [`${own.tcp} ${own.tcpFin} ${own.udp}`]));
  const wanted = [
    ["services", services.length, MAPS.services.maxEntries],
    ["servers", services.reduce((all, { servers }) => all + servers.length, 0), MAPS.servers.maxEntries],
    ["mark rules", marks.length, Limits.MARK_RULES_MAX],
    ["different timeouts of services", new Set(timeouts).size, Timeout.SETS - 1],
  ] as const;
  for (const [things, count, most] of wanted) {
    if (count <= most) continue;
    throw new EvenkeelError("LIMIT_REACHED", `${count} ${things} are wanted, and the packet path has room for ${most}`, {
      cure: "share them out among several directors, or leave some out; nothing was changed",
    });
  }
}
