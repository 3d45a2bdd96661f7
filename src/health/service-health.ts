/**
 * A service as its checks see it: each verdict goes through the hysteresis of its check, a server is up when all of its checks are, an operator
 * may order otherwise, and what the servers are worth together decides whether the service stands and who serves. Everything but the time and
 * the doing. A server that is drained or disabled is worth nothing, so it counts for no quorum: what is left has to carry the service.
 */

import type { Verdict } from "../model/health.ts";
import type { Machine, Step } from "../model/machine.ts";
import type { OverrideWish } from "../model/override.ts";
import { type Condition, type HysteresisConfig, type HysteresisState, hysteresis, isUncertain } from "./hysteresis.ts";
import { type LineUp, lineUp } from "./line-up.ts";
import { type QuorumConfig, type QuorumState, quorum } from "./quorum.ts";
import { type EffectiveWeight, effectiveWeight, heed, sameWeight, type WeightRule, type Wishes } from "./weight.ts";

export interface ServiceHealthConfig {
  readonly servers: readonly (WeightRule & { readonly checks: readonly HysteresisConfig[] })[];
  readonly quorum: QuorumConfig;
  readonly hasSorryServer: boolean;
}

export interface CheckState {
  readonly opinion: HysteresisState;
  readonly wishes: Wishes;
  /** The wishes are not this check's own: they were read off the kernel, and its first word takes their place. */
  readonly borrowed?: boolean;
}

/** What is known already when a service is watched (again): of checks that were made before, of the kernel, of an operator. */
export interface KnownHealth {
  readonly quorum?: QuorumState;
  /** By the servers' and their checks' places in the configuration; undefined where nothing is known. */
  readonly servers: readonly (
    | { readonly checks: readonly (CheckState | undefined)[]; readonly order: OverrideWish | undefined }
    | undefined
  )[];
}

export interface ServerHealth {
  readonly checks: readonly CheckState[];
  readonly condition: Condition;
  readonly weight: EffectiveWeight;
  readonly order: OverrideWish | undefined;
}

export interface ServiceHealth {
  readonly servers: readonly ServerHealth[];
  readonly quorum: QuorumState;
  readonly lineUp: LineUp;
}

/** Which server, and which of its checks, by their places in the configuration. */
export type ServiceHealthEvent =
  | { readonly kind: "verdict"; readonly server: number; readonly check: number; readonly verdict: Verdict }
  /** An operator's word, or undefined: nothing more is ordered. */
  | { readonly kind: "order"; readonly server: number; readonly order: OverrideWish | undefined };

export type ServiceHealthAction =
  | { readonly kind: "server-rose" | "server-fell"; readonly server: number }
  | { readonly kind: "quorum-gained" | "quorum-lost" }
  /** Who serves, or with what weight, is another than before. */
  | { readonly kind: "line-up"; readonly lineUp: LineUp };

export const serviceHealth = {
  start(config) {
    return resumeServiceHealth(config, { servers: [] });
  },

  step(config, state, event) {
    const rule = config.servers[event.server];
    const before = state.servers[event.server];
    if (rule === undefined || before === undefined) throw new RangeError(`there is no server ${event.server}`);
    const server =
      event.kind === "order"
        ? judged(rule, before.checks, event.order)
        : judged(rule, before.checks.with(event.check, heard(rule, before, event)), before.order);
    const actions: ServiceHealthAction[] = [];
    if (server.condition !== before.condition && server.condition !== "unknown")
      actions.push({ kind: server.condition === "up" ? "server-rose" : "server-fell", server: event.server });

    const servers = state.servers.with(event.server, server);
    if (sameWeight(server.weight, before.weight)) return { state: { ...state, servers }, actions };
    const settled = settle(config, servers, state.quorum);
    actions.push(...settled.actions);
    if (!sameLineUp(settled.state.lineUp, state.lineUp)) actions.push({ kind: "line-up", lineUp: settled.state.lineUp });
    return { state: settled.state, actions };
  },

  deadlineMs: () => undefined,
} satisfies Machine<ServiceHealthConfig, ServiceHealth, ServiceHealthEvent, ServiceHealthAction>;

/** As start(), for a service of which something is known already. */
export function resumeServiceHealth(config: ServiceHealthConfig, known: KnownHealth): ServiceHealth {
  const servers = config.servers.map((server, i): ServerHealth => {
    const before = known.servers[i];
    const checks = server.checks.map((check, j) => before?.checks[j] ?? { opinion: hysteresis.start(check), wishes: {} });
    return judged(server, checks, before?.order);
  });
  return settle(config, servers, known.quorum ?? quorum.start()).state;
}

function settle(
  config: ServiceHealthConfig,
  servers: readonly ServerHealth[],
  before: QuorumState,
): Step<ServiceHealth, ServiceHealthAction> {
  const { state, actions } = quorum.step(config.quorum, before, { weight: totalWeight(servers) });
  return { state: { servers, quorum: state, lineUp: lineUp(weightsOf(servers), state, config.hasSorryServer) }, actions };
}

function heard(
  rule: ServiceHealthConfig["servers"][number],
  { checks }: ServerHealth,
  { server, check, verdict }: Extract<ServiceHealthEvent, { kind: "verdict" }>,
): CheckState {
  const checkRule = rule.checks[check];
  const before = checks[check];
  if (checkRule === undefined || before === undefined) throw new RangeError(`there is no check ${check} of server ${server}`);
  const opinion = hysteresis.step(checkRule, before.opinion, verdict.outcome).state;
  if (verdict.outcome === "unable") return { ...before, opinion };
  return { opinion, wishes: heed(before.borrowed ? {} : before.wishes, verdict.advice ?? {}) };
}

/** Whether this check should be made more often. */
export function checkIsUncertain({ servers }: ServiceHealth, server: number, check: number): boolean {
  const opinion = servers[server]?.checks[check]?.opinion;
  return opinion !== undefined && isUncertain(opinion);
}

function judged(rule: WeightRule, checks: readonly CheckState[], order: OverrideWish | undefined): ServerHealth {
  const conditions = checks.map(({ opinion }) => opinion.condition);
  const condition = conditions.includes("down") ? "down" : conditions.includes("unknown") ? "unknown" : "up";
  const wishes = checks.map((check) => check.wishes);
  return { checks, condition, order, weight: effectiveWeight(rule, condition === "up", wishes, order) };
}

function weightsOf(servers: readonly ServerHealth[]): EffectiveWeight[] {
  return servers.map(({ weight }) => weight);
}

function totalWeight(servers: readonly ServerHealth[]): number {
  return servers.reduce((sum, { weight }) => sum + (weight.kind === "in" ? weight.weight : 0), 0);
}

function sameLineUp(one: LineUp, other: LineUp): boolean {
  return one.sorry === other.sorry && one.servers.every((weight, i) => sameWeight(weight, other.servers[i] ?? { kind: "out" }));
}
