/** The director's views as the API answers them: names as text, counters as numbers, what is unknown left out. */

import type { CheckView, ServerView, ServiceView } from "../director/director.ts";
import { trafficJson } from "../director/status-json.ts";
import type { Override } from "../model/override.ts";
import type { CheckReply, OverrideReply, ServerReply, ServiceReply } from "./types.ts";

export interface Detail {
  /** With what each check said before. */
  readonly history: boolean;
}

export function serviceReply(view: ServiceView, detail: Detail): ServiceReply {
  const { service, label, scheduler, quorum, sorry, sinceMs, counters } = view;
  return {
    service,
    ...(label === undefined ? {} : { label }),
    scheduler,
    quorum,
    sorry,
    sinceMs,
    ...(counters === undefined ? {} : { counters: trafficJson(counters) }),
    servers: view.servers.map((server) => serverReply(server, detail)),
  };
}

export function serverReply(view: ServerView, detail: Detail): ServerReply {
  const { label, override, counters, checks, ...rest } = view;
  return {
    ...rest,
    ...(label === undefined ? {} : { label }),
    ...(override === undefined ? {} : { override: overrideReply(override) }),
    ...(counters === undefined ? {} : { counters: serverTraffic(counters) }),
    checks: detail.history ? checks : checks.map(withoutHistory),
  };
}

function serverTraffic(counters: NonNullable<ServerView["counters"]>): NonNullable<ServerReply["counters"]> {
  const { active, inactive, persistent, overloaded } = counters;
  return { active, inactive, persistent, overloaded, ...trafficJson(counters) };
}

function overrideReply({ wish, sinceMs, by, reason }: Override): OverrideReply {
  return { wish, sinceMs, by, ...(reason === undefined ? {} : { reason }) };
}

function withoutHistory({ history: _history, ...check }: CheckView): CheckReply {
  return check;
}
