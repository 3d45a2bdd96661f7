/** What ipvsadm calls the parts of a service and of a server, the same in its lists and in what it saves. */

import type { Address } from "../../model/address.ts";
import { clientPrefixLength, type ForwardingMethod, KEPT_SCHEDULER_FLAGS, type VirtualService } from "../../model/service.ts";
import { addressText } from "./end-text.ts";

export const METHOD_NAME = { nat: "Masq", dr: "Route", tun: "Tunnel" } as const satisfies Record<ForwardingMethod, string>;

type Flagged = Pick<VirtualService, "scheduler" | "schedulerFlags">;

/**
 * "sh-fallback,sh-port"; undefined without flags. Only sh and mh have names for theirs; and none for the third, so that alone it is
 * an empty text.
 */
export function schedulerFlagNames({ scheduler, schedulerFlags = [] }: Flagged): string | undefined {
  if (schedulerFlags.length === 0) return undefined;
  const named = scheduler === "sh" || scheduler === "mh";
  return KEPT_SCHEDULER_FLAGS.flatMap((flag, i) => {
    if (!schedulerFlags.includes(flag)) return [];
    if (!named) return [`flag-${i + 1}`];
    return flag === "third" ? [] : [`${scheduler}-${flag}`];
  }).join(",");
}

type Persistent = Pick<VirtualService, "persistence"> & { readonly address: Address };

/** "255.255.255.0" or "64"; undefined where the whole address counts. */
export function clientMaskText({ address: { family }, persistence }: Persistent): string | undefined {
  if (persistence?.clientMask === undefined) return undefined;
  const length = clientPrefixLength(persistence, family);
  if (length === (family === "ipv4" ? 32 : 128)) return undefined;
  return family === "ipv4" ? addressText(persistence.clientMask) : `${length}`;
}
