/**
 * What the packet path should hold: the configuration (as edits by hand have altered it: adopted.ts) x who serves by health and the operators'
 * overrides (health/line-up.ts) x what only the running system knows (where to listen, the director's own addresses).
 */

import type { Configuration, ConfiguredService } from "../config/configuration.ts";
import { plainServer, plainService } from "../config/to-desired.ts";
import type { LineUp } from "../health/line-up.ts";
import type { Address } from "../model/address.ts";
import type { DesiredState, WantedAttachment } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";

/** What a configuration meets on this host. */
export interface Surroundings {
  /** Where to listen when the configuration leaves it open. */
  readonly automatic: readonly WantedAttachment[];
  /** Interfaces that are there: one that is configured and is missing is attached when it comes. */
  readonly interfaces: ReadonlySet<string>;
  /** The director's own address on the way to a server; undefined where there is no route, or none is known. */
  readonly sourceTo: (server: Address) => Address | undefined;
}

export type LineUps = (service: ConfiguredService) => LineUp;

export function desiredState(configuration: Configuration, lineUps: LineUps, surroundings: Surroundings): DesiredState {
  const { services, settings, marks } = configuration;
  return {
    services: services.map((service) => desiredService(service, lineUps(service), surroundings)),
    settings,
    marks,
    attachments: desiredAttachments(configuration, surroundings),
  };
}

export function desiredAttachments({ interfaces }: Configuration, { automatic, interfaces: present }: Surroundings): WantedAttachment[] {
  return (interfaces ?? automatic).filter(({ interfaceName }) => present.has(interfaceName));
}

export function desiredService(service: ConfiguredService, lineUp: LineUp, surroundings: Pick<Surroundings, "sourceTo">): VirtualService {
  const serving = service.servers.flatMap((server, i): RealServer[] => {
    const weight = lineUp.servers[i];
    return weight === undefined || weight.kind === "out" ? [] : [{ ...plainServer(server), weight: weight.weight }];
  });
  const { sorryServer } = service;
  const sorry = lineUp.sorry && sorryServer !== undefined ? [sorryServer] : [];
  const names = new Set(sorry.map(serverName));
  const fullNat = service.hairpin ? (service.fullNat ?? ownAddress(service, surroundings)) : service.fullNat;
  return {
    ...plainService({ ...service, servers: [] }),
    ...(fullNat === undefined ? {} : { fullNat }),
    // A sorry server that is one of the servers too serves as the sorry server.
    servers: [...serving.filter((server) => !names.has(serverName(server))), ...sorry],
  };
}

/** On the way to the first server that has one: a service has one such address. */
function ownAddress({ servers, sorryServer }: ConfiguredService, { sourceTo }: Pick<Surroundings, "sourceTo">): Address | undefined {
  for (const { address } of [...servers, ...(sorryServer === undefined ? [] : [sorryServer])]) {
    const source = sourceTo(address);
    if (source !== undefined) return source;
  }
  return undefined;
}

/** Services by name, for those who reconcile a few of many. */
export function byName<Service extends Parameters<typeof serviceName>[0]>(services: readonly Service[]): Map<string, Service> {
  return new Map(services.map((service) => [serviceName(service), service]));
}
