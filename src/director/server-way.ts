/** The way from the director to a real server, as the kernel's routes have it now. */

import { wayTo } from "../kernel/routes.ts";
import type { Address } from "../model/address.ts";

export interface ServerWay {
  readonly ifindex: number;
  readonly mtu: number;
  /** The gateway, or the server itself when it is on the link. */
  readonly nextHop: Address;
  /** The address that the director has on this way: the source of tunnels. */
  readonly source: Address | undefined;
  /** It is an address of this host itself: packets go up its own stack as they came. */
  readonly local?: true;
}

/** undefined: there is no route, and packets for it are dropped as DROP_NO_ROUTE. */
export function serverWay(server: Address): ServerWay | undefined {
  const way = wayTo(server);
  if (way === undefined) return undefined;
  if (way.local) return { ifindex: 0, mtu: 0, nextHop: server, source: undefined, local: true };
  return { ifindex: way.interfaceIndex, mtu: way.mtu, nextHop: way.gateway ?? server, source: way.source };
}
