/** What of a configuration the packet path knows; with health and what this host has: reconcile/desired.ts. */

import type { DesiredState, WantedAttachment } from "../model/plane.ts";
import type { RealServer, VirtualService } from "../model/service.ts";
import type { Configuration, ConfiguredServer, ConfiguredService } from "./configuration.ts";

/** `automatic`: where to listen when the configuration leaves it open. */
export function toDesired(configuration: Configuration, automatic: readonly WantedAttachment[]): DesiredState {
  const { services, settings, marks, interfaces } = configuration;
  return { services: services.map(plainService), settings, marks, attachments: interfaces ?? automatic };
}

/** What of it the packet path knows. */
export function plainService(service: ConfiguredService): VirtualService {
  const { name: _name, quorum: _quorum, sorryServer: _sorry, alpha: _alpha, omega: _omega, hairpin: _hairpin, ...rest } = service;
  const { onQuorumUp: _up, onQuorumDown: _down, servers, ...plain } = rest;
  return { ...plain, servers: servers.map(plainServer) };
}

export function plainServer(server: ConfiguredServer): RealServer {
  const { checks: _checks, inhibitOnFailure: _inhibit, cutTemplates: _cut, drainDeadlineMs: _drain, ...plain } = server;
  return plain;
}
