/** What must be true of this host before a configuration can work on it, and what had better be. Nothing is changed here. */

import type { Complaint } from "../config/complaint.ts";
import type { Configuration } from "../config/configuration.ts";
import { ConfigurationError, inOrder } from "../config/parse.ts";
import { formatAddress } from "../model/address.ts";
import type { WantedAttachment } from "../model/plane.ts";
import { complaintsOf, type Places } from "./preflight-complaints.ts";
import { complaintsOfFiles } from "./preflight-files.ts";
import { allServers, type Host, lookAtHost } from "./preflight-host.ts";
import { warningsOf } from "./preflight-warnings.ts";
import type { WaysTo } from "./server-way.ts";

export interface Preflight {
  /** Where the packet path listens when the configuration leaves it open. */
  readonly automatic: readonly WantedAttachment[];
  /** What will not work, though the configuration can be applied. */
  readonly warnings: readonly string[];
}

/** Throws ConfigurationError with everything that cannot work here. */
export function preflight(configuration: Configuration, places: Places, waysTo: WaysTo): Preflight {
  const { complaints, ...rest } = foresee(configuration, places, waysTo);
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return rest;
}

/** The same, for those who want to know everything. */
export function foresee(
  configuration: Configuration,
  places: Places,
  waysTo: WaysTo,
): Preflight & { readonly complaints: readonly Complaint[] } {
  const host = lookAtHost(configuration, waysTo);
  const automatic = automaticInterfaces(configuration, host);
  const listening = (configuration.interfaces ?? automatic).map(({ interfaceName }) => interfaceName);
  return {
    automatic,
    warnings: warningsOf(configuration, host, listening),
    complaints: inOrder([...complaintsOf(configuration, host, places), ...complaintsOfFiles(configuration, places)]),
  };
}

/** The interfaces that carry a virtual address (all that are up, when it is on lo) or lead to a NAT server. */
function automaticInterfaces(configuration: Configuration, { links, carriers: local, ways }: Host): WantedAttachment[] {
  const wanted = new Set<number>();
  const outward = links.filter((link) => !link.loopback && link.up && link.mac.length === 6 && link.masterIndex === undefined);
  for (const service of configuration.services) {
    const { address, mark } = service;
    // Marked packets may come from everywhere.
    if (mark) for (const { index } of outward) wanted.add(index);
    const carriers = (local.get(formatAddress(address)) ?? []).map(({ interfaceIndex }) => interfaceIndex);
    const onLoopback = !mark && carriers.every((index) => links.find((link) => link.index === index)?.loopback);
    for (const index of onLoopback ? outward.map((link) => link.index) : carriers) wanted.add(index);
    for (const server of allServers(service)) {
      const way = ways.get(formatAddress(server.address));
      if (server.method === "nat" && way !== undefined) wanted.add(way.ifindex);
    }
  }
  return links
    .filter((link) => wanted.has(link.index) && !link.loopback)
    .map((link) => ({ interfaceName: link.name, hook: "auto" as const }));
}
