/** What of this host a configuration has to fit: its interfaces, its addresses, and its ways to the servers. Looked up once, before anything is judged. */

import type { Configuration } from "../config/configuration.ts";
import { listAddresses } from "../kernel/addresses.ts";
import { listLinks } from "../kernel/links.ts";
import { formatAddress } from "../model/address.ts";
import type { RealServer } from "../model/service.ts";
import type { Link } from "../wire/netlink-link.ts";
import type { ServerWay, WaysTo } from "./server-way.ts";

export type LocalAddress = ReturnType<typeof listAddresses>[number];

export interface Host {
  readonly links: readonly Link[];
  readonly addresses: readonly LocalAddress[];
  /** By their text. */
  readonly carriers: ReadonlyMap<string, readonly LocalAddress[]>;
  /** To each server, by the text of its address; undefined: there is no route. */
  readonly ways: ReadonlyMap<string, ServerWay | undefined>;
}

export function lookAtHost(configuration: Configuration, waysTo: WaysTo): Host {
  const addresses = listAddresses();
  const servers = configuration.services.flatMap(allServers).map(({ address }) => address);
  const ways = waysTo(servers);
  return {
    links: listLinks(),
    addresses,
    carriers: Map.groupBy(addresses, ({ address }) => formatAddress(address)),
    ways: new Map(servers.map((address, i) => [formatAddress(address), ways[i]])),
  };
}

/** With the one that says sorry. */
export function allServers({ servers, sorryServer }: Configuration["services"][number]): readonly RealServer[] {
  return sorryServer === undefined ? servers : [...servers, sorryServer];
}
