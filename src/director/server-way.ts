/** The ways from the director to real servers, as the kernel's routes have them now. */

import { type Way, waysTo } from "../kernel/routes.ts";
import { type Address, formatAddress } from "../model/address.ts";

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

/** In the servers' order. undefined: there is no route, and packets for that server are dropped as DROP_NO_ROUTE. */
export type WaysTo = (servers: readonly Address[]) => readonly (ServerWay | undefined)[];

export const serverWays: WaysTo = (servers) => rememberedWays()(servers);

/** Looks each address up once, and those of one call together: for as long as the routes may be taken not to change. */
export function rememberedWays(): WaysTo {
  const known = new Map<string, ServerWay | undefined>();
  return (servers) => {
    const names = servers.map(formatAddress);
    const missing = new Map(servers.flatMap((server, i) => (known.has(names[i] ?? "") ? [] : [[names[i] ?? "", server]])));
    const found = waysTo([...missing.values()]);
    for (const [i, [name, server]] of [...missing].entries()) known.set(name, serverWay(server, found[i]));
    return names.map((name) => known.get(name));
  };
}

function serverWay(server: Address, way: Way | undefined): ServerWay | undefined {
  if (way === undefined) return undefined;
  if (way.local) return { ifindex: 0, mtu: 0, nextHop: server, source: undefined, local: true };
  return { ifindex: way.interfaceIndex, mtu: way.mtu, nextHop: way.gateway ?? server, source: way.source };
}
