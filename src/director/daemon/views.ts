/** What is shown of services and servers: what is configured, what health and operators made of it, and what the kernel has counted. */

import type { ConfiguredService } from "../../config/configuration.ts";
import { sameWeight } from "../../health/weight.ts";
import type { Override } from "../../model/override.ts";
import type { Counters, ServerCounters, ServiceCounters } from "../../model/plane.ts";
import { type RealServer, serverName, serviceName } from "../../model/service.ts";
import type { CheckView, ServerView, ServiceView } from "../director.ts";
import { shown } from "./health-stories.ts";
import type { HealthWatch, ServiceWatch } from "./health-watch.ts";
import type { Overrides } from "./overrides.ts";

export interface Sight {
  readonly watch: HealthWatch;
  readonly overrides: Overrides;
  readonly counted: Counted;
}

/** Counters by the names of what they are of. */
export interface Counted {
  readonly service: (service: string) => ServiceCounters | undefined;
  readonly server: (service: string, server: string) => ServerCounters | undefined;
}

const TEXT = {
  sorry: "the quorum is lost: the sorry server serves",
  isSorry: "serves in the place of the others: the quorum is lost",
  waits: "waits until the quorum is lost",
  unchecked: "not checked yet",
  named: (weight: number) => `weight ${weight} by its check`,
};

const ORDER_WORDS = { drain: "drained", disable: "disabled", weight: "weight set" } as const;

export function countedBy({ services, servers }: Counters): Counted {
  const byService = new Map(services.map((each) => [serviceName(each.service), each]));
  const byServer = new Map(servers.map((each) => [`${serviceName(each.service)} ${serverName(each.server)}`, each]));
  return { service: (service) => byService.get(service), server: (service, server) => byServer.get(`${service} ${server}`) };
}

export function serviceView(rule: ConfiguredService, sight: Sight): ServiceView {
  const service = serviceName(rule);
  const watch = sight.watch.services.get(service);
  const sorry = watch?.health.lineUp.sorry ?? false;
  return {
    counters: sight.counted.service(service),
    service,
    label: rule.name,
    scheduler: rule.scheduler,
    quorum: watch?.health.quorum ?? "starting",
    sorry,
    sinceMs: watch?.sinceMs ?? 0,
    servers: [
      ...rule.servers.map((_server, i) => serverView(rule, i, sight)),
      ...(rule.sorryServer === undefined ? [] : [sorryView(rule, rule.sorryServer, sorry, sight)]),
    ],
  };
}

/** `index`: its place in the service. */
export function serverView(rule: ConfiguredService, index: number, { watch, overrides, counted }: Sight): ServerView {
  const service = serviceName(rule);
  const watched = watch.services.get(service);
  const server = rule.servers[index];
  if (server === undefined) throw new RangeError(`there is no server ${index} in ${service}`);
  const name = serverName(server);
  const health = watched?.health.servers[index];
  const override = overrides.of(service, name);
  const weight = watched?.health.lineUp.servers[index] ?? { kind: "out" };
  return {
    counters: counted.server(service, name),
    service,
    label: rule.name,
    server: name,
    method: server.method,
    configuredWeight: server.weight,
    weight: shown(weight),
    condition: health?.condition ?? "unknown",
    why: watched === undefined ? "" : whyOf(watched, index, override),
    sinceMs: watched?.servers[index]?.sinceMs ?? 0,
    ...(override === undefined ? {} : { override }),
    sorry: false,
    checks: checksOf(watched, index),
  };
}

function sorryView(rule: ConfiguredService, server: RealServer, serves: boolean, { counted, watch }: Sight): ServerView {
  const service = serviceName(rule);
  const name = serverName(server);
  return {
    counters: counted.server(service, name),
    service,
    label: rule.name,
    server: name,
    method: server.method,
    configuredWeight: server.weight,
    weight: serves ? server.weight : "out",
    condition: "up",
    why: serves ? TEXT.isSorry : TEXT.waits,
    sinceMs: watch.services.get(service)?.sinceMs ?? 0,
    sorry: true,
    checks: [],
  };
}

function checksOf(watched: ServiceWatch | undefined, index: number): CheckView[] {
  const checks = watched?.servers[index]?.checks ?? [];
  return checks.map(({ record, rule }, i): CheckView => {
    const opinion = watched?.health.servers[index]?.checks[i]?.opinion;
    return {
      name: record.name,
      rule,
      condition: opinion?.condition ?? "unknown",
      against: opinion?.against ?? 0,
      ...(record.last === undefined ? {} : { last: record.last }),
      history: record.history,
    };
  });
}

/** The first thing that keeps it from being as it is configured; empty when all is well. */
function whyOf({ health, servers, rule }: ServiceWatch, index: number, override: Override | undefined): string {
  const state = health.servers[index];
  const orders =
    override === undefined
      ? ""
      : `${ORDER_WORDS[override.wish.kind]} by ${override.by}${override.reason === undefined ? "" : `: ${override.reason}`}`;
  if (state === undefined || override?.wish.kind === "disable") return orders;
  if (state.condition === "down") {
    const faults = servers[index]?.checks.flatMap(({ record }, i) => {
      const { last } = record;
      if (state.checks[i]?.opinion.condition !== "down" || last === undefined) return [];
      const times = record.history[0]?.repeated ?? 1;
      const said = last.reason === undefined ? `${record.name} passes again` : `${last.phase}: ${last.reason}`;
      return [times > 1 ? `${said}, ${times} times` : said];
    });
    return [...(faults ?? []), ...(orders === "" ? [] : [orders])].join("; ");
  }
  if (state.condition === "unknown") return TEXT.unchecked;
  if (orders !== "") return orders;
  if (health.lineUp.sorry) return TEXT.sorry;
  const configured = rule.servers[index]?.weight ?? 0;
  return state.weight.kind === "in" && !sameWeight(state.weight, { kind: "in", weight: configured }) ? TEXT.named(state.weight.weight) : "";
}
