/**
 * From a configured service to the machine that judges its health: its rule, and what is known of it when its watch begins. Decisions only: what was
 * found by checks before a reload stays; at the start of a director the kernel says how the last one left it.
 */

import type { ConfiguredCheck, ConfiguredServer, ConfiguredService } from "../../config/configuration.ts";
import type { Condition } from "../../health/hysteresis.ts";
import type { QuorumState } from "../../health/quorum.ts";
import type { CheckState, KnownHealth, ServiceHealth, ServiceHealthConfig } from "../../health/service-health.ts";
import type { OverrideWish } from "../../model/override.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../../model/service.ts";

export type OrderOf = (service: string, server: string) => OverrideWish | undefined;

/** A service as it was watched before. */
export interface Watched {
  readonly rule: ConfiguredService;
  readonly health: ServiceHealth;
}

export function healthConfig(service: ConfiguredService): ServiceHealthConfig {
  const initial: Condition = service.alpha ? "unknown" : "up";
  return {
    servers: service.servers.map(({ weight, inhibitOnFailure, checks }) => ({
      weight,
      inhibitOnFailure,
      checks: checks.map(({ rise, fall }) => ({ rise, fall, initial })),
    })),
    quorum: service.quorum,
    hasSorryServer: service.sorryServer !== undefined,
  };
}

/**
 * After a reload: checks that ask the same go on with what they know. One that is new, or asks something else now, begins with what is known of its
 * server: to correct a path brings no sick server into service, and takes no well one out.
 */
export function knownFromBefore(service: ConfiguredService, before: Watched, orderOf: OrderOf): KnownHealth {
  const states = new Map<string, CheckState>();
  const conditions = new Map(before.rule.servers.map((server, i) => [serverName(server), before.health.servers[i]?.condition]));
  for (const [i, server] of before.rule.servers.entries()) {
    for (const [j, name] of questionsOf(server).entries()) {
      const state = before.health.servers[i]?.checks[j];
      if (state !== undefined) states.set(name, state);
    }
  }
  return {
    quorum: before.health.quorum,
    servers: service.servers.map((server) => ({
      checks: questionsOf(server).map((name) => states.get(name) ?? begun(conditions.get(serverName(server)))),
      order: orderOf(serviceName(service), serverName(server)),
    })),
  };
}

function begun(condition: Condition | undefined): CheckState | undefined {
  return condition === undefined || condition === "unknown" ? undefined : { opinion: { condition, against: 0 }, wishes: {} };
}

/**
 * At a director's start: a server that the kernel has with weight is up, one that it has not is down, so that the first comparison finds
 * little to do. A service that the kernel has not is new. With alpha, too: whom the kernel has, a check has proved.
 */
export function knownFromKernel(service: ConfiguredService, held: VirtualService | undefined, orderOf: OrderOf): KnownHealth {
  const present = new Map(held?.servers.map((server) => [serverName(server), server]));
  const sorry = service.sorryServer !== undefined && present.has(serverName(service.sorryServer));
  return {
    ...quorumFromKernel(service, held, sorry),
    servers: service.servers.map((server) => {
      const order = orderOf(serviceName(service), serverName(server));
      if (held === undefined) return { checks: [], order };
      const found = present.get(serverName(server));
      const condition = conditionFromKernel(server, found, order);
      return { checks: server.checks.map((check) => checkFromKernel(check, server, { condition, found, order })), order };
    }),
  };
}

interface Found {
  readonly order: OverrideWish | undefined;
}

function conditionFromKernel(server: ConfiguredServer, found: RealServer | undefined, order: OverrideWish | undefined): Condition {
  // Of one that was taken out by hand the kernel says nothing.
  if (order?.kind === "disable") return "up";
  if (found === undefined) return "down";
  const expected = order === undefined ? server.weight : order.kind === "weight" ? order.weight : 0;
  if (found.weight > 0 || expected === 0) return "up";
  // Weight 0 where more is expected: it is sick and keeps its place, or a sorry server serves; then too it has to pass before it counts.
  return server.inhibitOnFailure ? "down" : "up";
}

function checkFromKernel(
  { kind }: ConfiguredCheck,
  server: ConfiguredServer,
  { condition, found, order }: Found & { readonly condition: Condition; readonly found: RealServer | undefined },
): CheckState {
  const opinion = { condition, against: 0 };
  // In the place of all that a sorry server serves for the weight is 0, and is taken for named: an agent may have drained them all.
  const named = NAMES_WEIGHTS.has(kind) && condition === "up" && found !== undefined && order === undefined;
  if (!named || found.weight === server.weight) return { opinion, wishes: {} };
  return { opinion, wishes: { weight: { kind: "absolute", weight: found.weight } }, borrowed: true };
}

/** These may have said another weight than the configuration. */
const NAMES_WEIGHTS: ReadonlySet<string> = new Set(["agent", "script"]);

function quorumFromKernel(
  { sorryServer, servers }: ConfiguredService,
  held: VirtualService | undefined,
  sorry: boolean,
): { readonly quorum?: QuorumState } {
  if (held === undefined || sorryServer === undefined) return {};
  if (!sorry) return { quorum: "up" };
  // A sorry server that is one of the servers too tells nothing by being there.
  const alsoServer = servers.some((server) => serverName(server) === serverName(sorryServer));
  return alsoServer ? {} : { quorum: "lost" };
}

/** What each check of a server asks, by a name: the same name is the same question, whenever it is asked. */
export function questionsOf(server: ConfiguredServer): string[] {
  const asked = new Map<string, number>();
  return server.checks.map(({ kind, options, clientsWay }) => {
    const question = `${serverName(server)} ${kind} ${JSON.stringify(options)}${clientsWay ? " clients' way" : ""}`;
    const before = asked.get(question) ?? 0;
    asked.set(question, before + 1);
    return `${question} ${before}`;
  });
}
