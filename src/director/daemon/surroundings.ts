/** What a configuration meets on this host: interfaces, addresses and ways, looked up together. */

import { formatComplaint } from "../../config/complaint.ts";
import type { Configuration } from "../../config/configuration.ts";
import { listLinks } from "../../kernel/links.ts";
import { formatAddress } from "../../model/address.ts";
import type { Surroundings } from "../../reconcile/desired.ts";
import { preflight } from "../preflight.ts";
import type { Places } from "../preflight-complaints.ts";
import type { WaysTo } from "../server-way.ts";

export interface Met {
  readonly surroundings: Surroundings;
  readonly warnings: readonly string[];
}

const TEXT = {
  missing: (name: string) => `there is no interface ${name} yet; it is attached when it appears`,
};

/** Throws for the first thing that cannot work. An interface that is not there yet is waited for. */
export function meet(configuration: Configuration, places: Places, waysTo: WaysTo): Met {
  const interfaces = new Set(listLinks().map(({ name }) => name));
  const listed = configuration.interfaces;
  const missing = (listed ?? []).flatMap(({ interfaceName }, i) =>
    interfaces.has(interfaceName) ? [] : [formatComplaint(places.complaint(["interfaces", i, "name"], TEXT.missing(interfaceName)))],
  );
  const present =
    listed === undefined
      ? configuration
      : { ...configuration, interfaces: listed.filter(({ interfaceName }) => interfaces.has(interfaceName)) };
  const { automatic, warnings } = preflight(present, places, waysTo);
  const hairpins = configuration.services.filter(({ hairpin }) => hairpin);
  const servers = hairpins.flatMap((service) => [...service.servers, ...(service.sorryServer === undefined ? [] : [service.sorryServer])]);
  const ways = waysTo(servers.map(({ address }) => address));
  const sources = new Map(servers.map(({ address }, i) => [formatAddress(address), ways[i]?.source]));
  return {
    surroundings: { automatic, interfaces, sourceTo: (server) => sources.get(formatAddress(server)) },
    warnings: [...missing, ...warnings],
  };
}
