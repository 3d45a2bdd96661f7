/** What operators say about single servers: kept, told, and heeded at once. */

import type { ConfiguredService } from "../../config/configuration.ts";
import type { Cause } from "../../model/journal.ts";
import type { Override, OverrideWish } from "../../model/override.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { byName } from "../../reconcile/desired.ts";
import type { Asker, ServerReference } from "../director.ts";
import type { Ground } from "./ground.ts";
import { labelOf } from "./health-stories.ts";
import { type Meant, serversMeant } from "./references.ts";

/** Where it was heard; the caller reconciles these services. */
export type Heeded = readonly (Meant<ConfiguredService> & { readonly because: number })[];

/** Throws NO_SUCH_SERVICE, NO_SUCH_SERVER; then nothing was said. */
export function give(ground: Ground, reference: ServerReference, said: OverrideWish, asker: Asker): Heeded {
  const meant = serversMeant(reference, ground.standing.effective.services);
  const overrides = meant.map((each) => overrideOf(each, withDeadline(each, said), asker));
  const before = overrides.map(({ service, server }) => ground.overrides.of(serviceName(service), serverName(server)));
  ground.overrides.keep(overrides);
  return meant.map((each, i) => {
    const wish = overrides[i]?.wish ?? said;
    const former = before[i]?.wish;
    const story = { event: "override-set", ...subject(each), wish, ...(former === undefined ? {} : { before: former }) } as const;
    const because = ground.journal.tell(story, causeOf(asker));
    ground.watch.order(nameOf(each), wish, causeOf(asker), because);
    return { ...each, because };
  });
}

/** Those that have one, and of the kind if one is named. */
export function take(ground: Ground, reference: ServerReference, asker: Asker, only?: OverrideWish["kind"]): Heeded {
  const meant = serversMeant(reference, ground.standing.effective.services);
  const found = meant.flatMap((each) => {
    const { service, server } = nameOf(each);
    const override = ground.overrides.of(service, server);
    return override === undefined || (only !== undefined && override.wish.kind !== only) ? [] : [{ ...each, override }];
  });
  ground.overrides.forget(found.map(({ override }) => override));
  return found.map((each) => {
    const because = ground.journal.tell({ event: "override-cleared", ...subject(each), wish: each.override.wish }, causeOf(asker));
    ground.watch.order(nameOf(each), undefined, causeOf(asker), because);
    return { service: each.service, server: each.server, because };
  });
}

/** Overrides of servers that the configuration has no more would surprise whoever adds them again one day. */
export function forgetStrangers({ overrides, standing, journal }: Ground, cause: Cause): void {
  const services = byName(standing.effective.services);
  const isStranger = ({ service, server }: Override): boolean =>
    !services.get(serviceName(service))?.servers.some((each) => serverName(each) === serverName(server));
  const strangers = overrides.values().filter(isStranger);
  overrides.forget(strangers);
  for (const { service, server, wish } of strangers)
    journal.tell({ event: "override-cleared", service: serviceName(service), server: serverName(server), wish }, cause);
}

export function causeOf({ by, reason }: Asker): Cause {
  return { kind: "operator", by, ...(reason === undefined ? {} : { reason }) };
}

function nameOf({ service, server }: Meant<ConfiguredService>): { readonly service: string; readonly server: string } {
  const one = service.servers[server];
  return { service: serviceName(service), server: one === undefined ? "" : serverName(one) };
}

function subject(meant: Meant<ConfiguredService>) {
  return { ...nameOf(meant), ...labelOf(meant.service) };
}

function overrideOf({ service, server }: Meant<ConfiguredService>, wish: OverrideWish, { by, reason }: Asker): Override {
  const { address, port, protocol, mark } = service;
  const one = service.servers[server];
  if (one === undefined) throw new RangeError(`there is no server ${server} in ${serviceName(service)}`);
  return {
    service: { address, port, protocol, ...(mark === undefined ? {} : { mark }) },
    server: { address: one.address, port: one.port },
    wish,
    sinceMs: Date.now(),
    by,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** A drain without one has the server's own. */
function withDeadline({ service, server }: Meant<ConfiguredService>, wish: OverrideWish): OverrideWish {
  const deadlineMs = service.servers[server]?.drainDeadlineMs;
  return wish.kind !== "drain" || wish.deadlineMs !== undefined || deadlineMs === undefined ? wish : { ...wish, deadlineMs };
}
