/** What a configuration meets on this host: interfaces, addresses and ways, looked up together. */

import { type Complaint, formatComplaint } from "../../config/complaint.ts";
import type { Configuration } from "../../config/configuration.ts";
import { listLinks } from "../../kernel/links.ts";
import { formatAddress } from "../../model/address.ts";
import type { Surroundings } from "../../reconcile/desired.ts";
import { foresee } from "../preflight.ts";
import type { Places } from "../preflight-complaints.ts";
import type { WaysTo } from "../server-way.ts";

export interface Met {
  readonly surroundings: Surroundings;
  readonly warnings: readonly string[];
  /** What cannot work here. */
  readonly complaints: readonly Complaint[];
}

const TEXT = {
  missing: "there is no such interface yet; it is attached when it appears",
};

/** An interface that is not there yet is waited for. */
export function meet(configuration: Configuration, places: Places, waysTo: WaysTo): Met {
  const interfaces = new Set(listLinks().map(({ name }) => name));
  const listed = configuration.interfaces;
  const missing = (listed ?? []).flatMap(({ interfaceName }, i) =>
    interfaces.has(interfaceName)
      ? []
      : [formatComplaint(places.complaint(["interfaces", i, "name"], `${interfaceName}: ${TEXT.missing}`))],
  );
  const present =
    listed === undefined
      ? configuration
      : { ...configuration, interfaces: listed.filter(({ interfaceName }) => interfaces.has(interfaceName)) };
  const { automatic, warnings, complaints } = foresee(present, places, waysTo);
  const hairpins = configuration.services.filter(({ hairpin }) => hairpin);
  const servers = hairpins.flatMap((service) => [...service.servers, ...(service.sorryServer === undefined ? [] : [service.sorryServer])]);
  const ways = waysTo(servers.map(({ address }) => address));
  const sources = new Map(servers.map(({ address }, i) => [formatAddress(address), ways[i]?.source]));
  return {
    surroundings: { automatic, interfaces, sourceTo: (server) => sources.get(formatAddress(server)) },
    warnings: [...missing, ...warnings],
    complaints,
  };
}
