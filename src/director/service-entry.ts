/** A service as the control plane holds it while it works: what it is, where its things are in the maps, and its servers. */

import { sameAddress } from "../model/address.ts";
import type { ServerName } from "../model/edit.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ServiceHead } from "../model/plane.ts";
import { type RealServer, serverName, serviceName } from "../model/service.ts";
import { idleCandidate } from "../scheduler/scheduler.ts";
import type { Service, ServiceKey } from "../wire/abi.ts";
import type { PathSettings } from "./path-settings.ts";
import type { Member, PlanTable } from "./plan-table.ts";
import type { ServerTable } from "./server-table.ts";
import { nameOf, rulesOf, type ServicePlaces } from "./service-value.ts";

export interface ServiceEntry extends ServicePlaces {
  readonly head: ServiceHead;
  /** Newest first. */
  readonly members: readonly Member[];
}

interface Tables {
  readonly servers: ServerTable;
  readonly plans: PlanTable;
  readonly settings: PathSettings;
}

/** What another process left. */
export function recoverService(found: { key: ServiceKey; value: Service }, { servers, plans, settings }: Tables): ServiceEntry {
  const { key, value } = found;
  const plan = plans.read(value.plan);
  const members = plans.candidates(plan).map(({ server, weight, lastWeight }): Member => {
    return { ...idleCandidate({ ...servers.end(server), weight }), lastWeight, number: server };
  });
  const schedulerFlags = plans.schedulerFlags(plan);
  const head: ServiceHead = {
    ...nameOf(key),
    scheduler: plans.scheduler(plan),
    ...(schedulerFlags.length === 0 ? {} : { schedulerFlags }),
    ...rulesOf(key, value, value.timeouts === 0 ? undefined : settings.timeoutsOf(value.timeouts), settings.jiffiesPerSecond),
  };
  return { head, index: value.index, plan: value.plan, timeouts: value.timeouts, made: value.made, members };
}

export function sameFlags({ schedulerFlags: one = [] }: ServiceHead, { schedulerFlags: other = [] }: ServiceHead): boolean {
  return one.length === other.length && one.every((flag) => other.includes(flag));
}

export function findMember(entry: ServiceEntry, server: ServerName): Member | undefined {
  return entry.members.find(({ address, port }) => port === server.port && sameAddress(address, server.address));
}

export function absent(entry: ServiceEntry, server: RealServer): EvenkeelError {
  return misfit(`there is no server ${serverName(server)} in ${serviceName(entry.head)}`);
}

export function misfit(message: string): EvenkeelError {
  return new EvenkeelError("BAD_ARGUMENT", message, { cure: "read the state again and apply what differs from it" });
}

export function indexesOf(entries: readonly ServiceEntry[]): number[] {
  return entries.map(({ index }) => index);
}

export function numbersOf(entries: readonly ServiceEntry[]): number[] {
  return entries.flatMap(({ members }) => members.map(({ number }) => number));
}
