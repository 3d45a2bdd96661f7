/** What a configuration meets on this host: interfaces, addresses and ways, looked up together. */

import { type Complaint, formatComplaint } from "../../config/complaint.ts";
import type { Configuration } from "../../config/configuration.ts";
import { listLinks } from "../../kernel/links.ts";
import { formatAddress } from "../../model/address.ts";
import type { WantedAttachment } from "../../model/plane.ts";
import type { Surroundings } from "../../reconcile/desired.ts";
import { foresee } from "../preflight.ts";
import type { WaysTo } from "../server-way.ts";
import type { Reading } from "./reading.ts";

export interface Met {
  readonly surroundings: Surroundings;
  readonly warnings: readonly string[];
  /** What cannot work here. */
  readonly complaints: readonly Complaint[];
}

const TEXT = {
  missing: "there is no such interface yet; it is attached when it appears",
};

/**
 * `effective`: with what was made by hand, which is listened for too, and complained of by nobody. An interface that is not there yet is waited
 * for.
 */
export function meet({ configuration, places }: Pick<Reading, "configuration" | "places">, effective: Configuration, waysTo: WaysTo): Met {
  const interfaces = new Set(listLinks().map(({ name }) => name));
  const isThere = ({ interfaceName }: WantedAttachment): boolean => interfaces.has(interfaceName);
  const missing = (configuration.interfaces ?? []).flatMap((each, i) =>
    isThere(each) ? [] : [formatComplaint(places.complaint(["interfaces", i, "name"], `${each.interfaceName}: ${TEXT.missing}`))],
  );
  const present = (wanted: Configuration): Configuration =>
    wanted.interfaces === undefined ? wanted : { ...wanted, interfaces: wanted.interfaces.filter(isThere) };
  const { automatic, warnings, complaints } = foresee(present(configuration), places, waysTo);
  return {
    surroundings: {
      automatic: effective === configuration ? automatic : foresee(present(effective), places, waysTo).automatic,
      interfaces,
      sourceTo: sourcesOf(effective, waysTo),
    },
    warnings: [...missing, ...warnings],
    complaints,
  };
}

/** The director's own addresses, for those who go a hairpin. */
function sourcesOf({ services }: Configuration, waysTo: WaysTo): Surroundings["sourceTo"] {
  const servers = services
    .filter(({ hairpin }) => hairpin)
    .flatMap((service) => [...service.servers, ...(service.sorryServer === undefined ? [] : [service.sorryServer])]);
  const ways = waysTo(servers.map(({ address }) => address));
  const sources = new Map(servers.map(({ address }, i) => [formatAddress(address), ways[i]?.source]));
  return (server) => sources.get(formatAddress(server));
}
