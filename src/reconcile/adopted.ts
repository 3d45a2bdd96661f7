/**
 * Edits by hand that stand beside the configuration: the configuration as it is with them. Health and overrides have their say after them, so that a
 * server whose weight was changed by hand is still taken out when it is sick. Servers that only the edits know are taken for well.
 */

import type { Configuration, ConfiguredServer, ConfiguredService } from "../config/configuration.ts";
import { plainService } from "../config/to-desired.ts";
import type { Edit } from "../model/edit.ts";
import type { ActualState, Change } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { diff } from "./diff.ts";
import { judgeEdits } from "./edits.ts";

/**
 * What is not possible (any more) is passed over: a server that the configuration has now, a service that it has not. `since`: what earlier edits
 * have made of the configuration already. What was deleted and is added again is as it is configured beyond what the edit says.
 */
export function withEdits(configuration: Configuration, edits: readonly Edit[], since = configuration): Configuration {
  if (edits.length === 0) return since;
  const state = { services: since.services.map(plainService), settings: since.settings, attachments: [] };
  // Sync daemons are not among what is adopted, so nobody's MTU is asked for.
  const judged = judgeEdits(edits.filter(isAdoptable), state, { keepGoing: true, interfaceMtu: () => 0 });
  const before = new Map(configuration.services.map((service) => [serviceName(service), service]));
  const settings = judged.changes.findLast((change) => change.kind === "edit-settings");
  return {
    ...configuration,
    services: judged.services.map((service) => edited(before.get(serviceName(service)), service)),
    settings: settings === undefined ? since.settings : settings.after,
  };
}

/** Counters that were reset are reset once; sync daemons are nobody's configuration, and the kernel remembers them. */
export function isAdoptable({ kind }: Edit): boolean {
  return kind !== "reset-counters" && kind !== "start-daemon" && kind !== "stop-daemon";
}

/**
 * Edits of what the kernel holds, as edits of the configuration: a server that is out for its health can be added by hand, and is edited by that.
 * `effective`: before them.
 */
export function editsOfConfigured(edits: readonly Edit[], effective: Configuration): readonly Edit[] {
  if (!edits.some(({ kind }) => kind === "add-server")) return edits;
  const nameOf = (service: Parameters<typeof serviceName>[0], server: Parameters<typeof serverName>[0]) =>
    `${serviceName(service)} ${serverName(server)}`;
  const configured = new Set(effective.services.flatMap((service) => service.servers.map((server) => nameOf(service, server))));
  return edits.map((edit): Edit => {
    if (edit.kind === "clear") configured.clear();
    if (edit.kind === "delete-server") configured.delete(nameOf(edit.service, edit.server));
    if (edit.kind === "delete-service")
      for (const name of configured) if (name.startsWith(`${serviceName(edit.service)} `)) configured.delete(name);
    return edit.kind === "add-server" && configured.has(nameOf(edit.service, edit.server)) ? { ...edit, kind: "edit-server" } : edit;
  });
}

/** The same with fewer: what a later one undoes or replaces goes. */
export function compacted(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = [];
  const later = new Set<string>();
  for (const edit of edits.filter(isAdoptable).toReversed()) {
    const name = replaces(edit);
    if (name !== undefined && later.has(name)) continue;
    if (name !== undefined) later.add(name);
    // What was edited before it was made anew is another.
    else later.clear();
    kept.push(edit);
    if (edit.kind === "clear") break;
  }
  return kept.toReversed();
}

/** The same in as many as what they come to needs, if that is fewer. `effective`: what they make of the configuration. */
export function condensed(edits: readonly Edit[], configuration: Configuration, effective: Configuration): readonly Edit[] {
  const few = editsOf(diff(plain(effective), plain(configuration)));
  const isSame = few.length < edits.length && diff(plain(withEdits(configuration, few)), plain(effective)).length === 0;
  return isSame ? few : edits;
}

function plain({ services, settings }: Configuration): ActualState {
  return { services: services.map(plainService), settings, attachments: [] };
}

/** Changes of the packet path that somebody made, as edits that make them again. What edits cannot say is left out. */
export function editsOf(changes: readonly Change[]): Edit[] {
  return changes.flatMap(editsOfOne);
}

function editsOfOne(change: Change): Edit[] {
  switch (change.kind) {
    case "add-service": {
      const { servers, ...service } = change.service;
      return [{ kind: "add-service", service }, ...servers.map((server): Edit => ({ kind: "add-server", service, server }))];
    }
    case "edit-service":
      return [{ kind: "edit-service", service: change.after }];
    case "add-server":
    case "delete-server":
    case "delete-service":
      return [change];
    case "edit-server":
      return [{ kind: "edit-server", service: change.service, server: change.after }];
    case "edit-settings":
      return [{ kind: "set-timeouts", timeouts: change.after.timeouts }];
    case "attach":
    case "detach":
    case "edit-marks":
    case "edit-sync-daemons":
      return [];
  }
}

function replaces(edit: Edit): string | undefined {
  if (edit.kind === "edit-server") return `server ${serviceName(edit.service)} ${serverName(edit.server)}`;
  return edit.kind === "edit-service" ? `service ${serviceName(edit.service)}` : undefined;
}

function edited(before: ConfiguredService | undefined, after: VirtualService): ConfiguredService {
  const servers = new Map(before?.servers.map((server) => [serverName(server), server]));
  const { name, quorum, alpha, omega, hairpin, sorryServer, onQuorumUp, onQuorumDown } = before ?? UNCONFIGURED;
  return {
    ...after,
    name,
    quorum,
    alpha,
    omega,
    hairpin,
    ...(sorryServer === undefined ? {} : { sorryServer }),
    ...(onQuorumUp === undefined ? {} : { onQuorumUp }),
    ...(onQuorumDown === undefined ? {} : { onQuorumDown }),
    servers: after.servers.map((server) => editedServer(servers.get(serverName(server)), server)),
  };
}

function editedServer(before: ConfiguredServer | undefined, after: RealServer): ConfiguredServer {
  if (before === undefined) return { ...after, checks: [], inhibitOnFailure: false, cutTemplates: false };
  const { checks, inhibitOnFailure, cutTemplates, drainDeadlineMs } = before;
  return { ...after, checks, inhibitOnFailure, cutTemplates, ...(drainDeadlineMs === undefined ? {} : { drainDeadlineMs }) };
}

/** What a service that was made by hand is beside what ipvsadm says of it. Weight 1 is enough, as keepalived has it. */
const UNCONFIGURED: Omit<ConfiguredService, keyof VirtualService> = {
  name: undefined,
  quorum: { quorum: 1, hysteresis: 0 },
  alpha: false,
  omega: false,
  hairpin: false,
};
