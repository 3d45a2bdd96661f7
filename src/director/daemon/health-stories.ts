/** What the health of a service has come to, as stories in the order of their causes: a server fell, the quorum was lost, the sorry server serves. */

import type { ConfiguredService } from "../../config/configuration.ts";
import type { ServiceHealth, ServiceHealthAction } from "../../health/service-health.ts";
import { type EffectiveWeight, sameWeight } from "../../health/weight.ts";
import type { Cause, Finding, Journal } from "../../model/journal.ts";
import type { HealthWatch, ServiceWatch } from "./health-watch.ts";

interface Conclusions {
  readonly service: ServiceWatch;
  readonly before: ServiceHealth;
  readonly actions: readonly ServiceHealthAction[];
  readonly cause: Cause;
  readonly because: number | undefined;
}

/** Returns the number of the last one, which what follows names as its cause; 0 when there was nothing to tell. */
export function tellConclusions(journal: Journal, { service, before, actions, cause, because }: Conclusions): number {
  const { health, rule, servers } = service;
  const ofService = { service: service.name, ...labelOf(rule) };
  let last = because;
  const tell = (story: Parameters<Journal["tell"]>[0]): void => {
    last = journal.tell(story, cause, last);
  };
  const turned = new Set<number>();
  for (const action of actions) {
    if (action.kind !== "server-rose" && action.kind !== "server-fell") continue;
    turned.add(action.server);
    const event = action.kind === "server-rose" ? "server-up" : "server-down";
    tell({ event, ...ofService, server: servers[action.server]?.name ?? "", after: findingsOf(service, action.server) });
  }
  if (health.quorum !== before.quorum && health.quorum !== "starting")
    tell({ event: health.quorum === "up" ? "quorum-gained" : "quorum-lost", ...ofService });
  if (health.lineUp.sorry !== before.lineUp.sorry)
    tell({ event: health.lineUp.sorry ? "sorry-server-in" : "sorry-server-out", ...ofService });
  // Weights that follow from what was told are not told again; after a reload the changes tell them.
  else if (actions.length > 0) {
    for (const [i, weight] of health.lineUp.servers.entries()) {
      const former = before.lineUp.servers[i] ?? OUT;
      if (turned.has(i) || sameWeight(weight, former)) continue;
      tell({ event: "server-weight", ...ofService, server: servers[i]?.name ?? "", weight: shown(weight), before: shown(former) });
    }
  }
  return last ?? 0;
}

export function labelOf({ name }: ConfiguredService): { readonly label?: string } {
  return name === undefined ? {} : { label: name };
}

/** With the packet path its services go: what is told of one that goes down is told, where that is wanted (omega). */
export function tellEnd({ watch, journal }: { readonly watch: HealthWatch; readonly journal: Journal }): void {
  for (const { rule, name, servers, health } of watch.services.values()) {
    if (!rule.omega) continue;
    const ofService = { service: name, ...labelOf(rule) };
    for (const [i, server] of servers.entries())
      if (health.servers[i]?.condition === "up")
        journal.tell({ event: "server-down", ...ofService, server: server.name, after: [] }, { kind: "stop" });
    if (health.quorum === "up") journal.tell({ event: "quorum-lost", ...ofService }, { kind: "stop" });
  }
}

const OUT: EffectiveWeight = { kind: "out" };

export function shown(weight: EffectiveWeight): number | "out" {
  return weight.kind === "in" ? weight.weight : "out";
}

/** What the checks that speak for its condition said last. */
function findingsOf({ health, servers }: ServiceWatch, server: number): Finding[] {
  const state = health.servers[server];
  const checks = servers[server]?.checks ?? [];
  return checks.flatMap(({ record }, i) => {
    if (record.last === undefined || state?.checks[i]?.opinion.condition !== state?.condition) return [];
    const { atMs: _at, ...finding } = record.last;
    return [finding];
  });
}
