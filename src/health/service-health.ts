/**
 * A service as its checks see it: each verdict goes through the hysteresis of its check, a server is up when all of its checks are, and
 * what the servers are worth together decides whether the service stands and who serves. Everything but the time and the doing.
 */

import type { Verdict } from "../model/health.ts";
import type { Machine } from "../model/machine.ts";
import { type Condition, type HysteresisConfig, type HysteresisState, hysteresis, isUncertain } from "./hysteresis.ts";
import { type LineUp, lineUp } from "./line-up.ts";
import { type QuorumConfig, type QuorumState, quorum } from "./quorum.ts";
import { type EffectiveWeight, effectiveWeight, heed, sameWeight, type WeightRule, type Wishes } from "./weight.ts";

export interface ServiceHealthConfig {
  readonly servers: readonly (WeightRule & { readonly checks: readonly HysteresisConfig[] })[];
  readonly quorum: QuorumConfig;
  readonly hasSorryServer: boolean;
}

interface CheckState {
  readonly opinion: HysteresisState;
  readonly wishes: Wishes;
}

export interface ServerHealth {
  readonly checks: readonly CheckState[];
  readonly condition: Condition;
  readonly weight: EffectiveWeight;
}

export interface ServiceHealth {
  readonly servers: readonly ServerHealth[];
  readonly quorum: QuorumState;
  readonly lineUp: LineUp;
}

export interface ServiceHealthEvent {
  /** Which check of which server, by their places in the configuration. */
  readonly server: number;
  readonly check: number;
  readonly verdict: Verdict;
}

export type ServiceHealthAction =
  | { readonly kind: "server-rose" | "server-fell"; readonly server: number }
  | { readonly kind: "quorum-gained" | "quorum-lost" }
  /** Who serves, or with what weight, is another than before. */
  | { readonly kind: "line-up"; readonly lineUp: LineUp };

export const serviceHealth = {
  start(config) {
    const servers = config.servers.map((server): ServerHealth => {
      const checks = server.checks.map((check) => ({ opinion: hysteresis.start(check), wishes: {} }));
      return judged(server, checks);
    });
    const { state } = quorum.step(config.quorum, quorum.start(), { weight: totalWeight(servers) });
    return { servers, quorum: state, lineUp: lineUp(weightsOf(servers), state, config.hasSorryServer) };
  },

  step(config, state, event) {
    const rule = config.servers[event.server];
    const before = state.servers[event.server];
    const checkRule = rule?.checks[event.check];
    const check = before?.checks[event.check];
    if (rule === undefined || before === undefined || checkRule === undefined || check === undefined)
      throw new RangeError(`there is no check ${event.check} of server ${event.server}`);

    const { verdict } = event;
    const opinion = hysteresis.step(checkRule, check.opinion, verdict.outcome).state;
    const wishes = verdict.outcome === "unable" || verdict.advice === undefined ? check.wishes : heed(check.wishes, verdict.advice);
    const server = judged(rule, before.checks.with(event.check, { opinion, wishes }));
    const actions: ServiceHealthAction[] = [];
    if (server.condition !== before.condition && server.condition !== "unknown")
      actions.push({ kind: server.condition === "up" ? "server-rose" : "server-fell", server: event.server });

    const servers = state.servers.with(event.server, server);
    if (sameWeight(server.weight, before.weight)) return { state: { ...state, servers }, actions };
    const quorumStep = quorum.step(config.quorum, state.quorum, { weight: totalWeight(servers) });
    actions.push(...quorumStep.actions);
    const after = lineUp(weightsOf(servers), quorumStep.state, config.hasSorryServer);
    if (!sameLineUp(after, state.lineUp)) actions.push({ kind: "line-up", lineUp: after });
    return { state: { servers, quorum: quorumStep.state, lineUp: after }, actions };
  },

  deadlineMs: () => undefined,
} satisfies Machine<ServiceHealthConfig, ServiceHealth, ServiceHealthEvent, ServiceHealthAction>;

/** Whether this check should be made more often. */
export function checkIsUncertain({ servers }: ServiceHealth, server: number, check: number): boolean {
  const opinion = servers[server]?.checks[check]?.opinion;
  return opinion !== undefined && isUncertain(opinion);
}

function judged(rule: WeightRule, checks: readonly CheckState[]): ServerHealth {
  const conditions = checks.map(({ opinion }) => opinion.condition);
  const condition = conditions.includes("down") ? "down" : conditions.includes("unknown") ? "unknown" : "up";
  const wishes = checks.map((check) => check.wishes);
  return { checks, condition, weight: effectiveWeight(rule, condition === "up", wishes) };
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
