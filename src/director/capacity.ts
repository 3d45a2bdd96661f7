/** How large the connection table is made. It keeps its size as long as the packet path stands. */

import { EvenkeelError } from "../model/error.ts";
import { Limits } from "../wire/abi.ts";

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
