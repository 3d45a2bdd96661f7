/** Whom the packet path of a configuration sends to: its servers, or the gateways before them. */

import type { Configuration } from "../../config/configuration.ts";
import { formatAddress } from "../../model/address.ts";
import { serverWays, type WaysTo } from "../server-way.ts";
import type { NextHop } from "./next-hops.ts";

/** Each once; not those that are this host itself. */
export function nextHopsOf({ services }: Pick<Configuration, "services">, waysTo: WaysTo = serverWays): readonly NextHop[] {
  const servers = services.flatMap(({ servers: own, sorryServer }) => [...own, ...(sorryServer === undefined ? [] : [sorryServer])]);
  const hops = waysTo(servers.map(({ address }) => address)).flatMap((way) =>
    way === undefined || way.local ? [] : [{ interfaceIndex: way.ifindex, address: way.nextHop }],
  );
  return [...new Map(hops.map((hop) => [`${hop.interfaceIndex} ${formatAddress(hop.address)}`, hop])).values()];
}
