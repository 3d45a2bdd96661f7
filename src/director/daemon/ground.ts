/** What the parts of a running director share: what it stands on, and what it wants the packet path to hold. */

import { type Complaint, formatComplaint } from "../../config/complaint.ts";
import type { Configuration, ConfiguredService } from "../../config/configuration.ts";
import type { KnownHealth } from "../../health/service-health.ts";
import type { Edit } from "../../model/edit.ts";
import type { Cause } from "../../model/journal.ts";
import type { DesiredState } from "../../model/plane.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { desiredState } from "../../reconcile/desired.ts";
import type { ConfigurationVersion } from "../director.ts";
import type { RunningJournal } from "../journal/journal.ts";
import type { WaysTo } from "../server-way.ts";
import type { DirectorStore } from "../store.ts";
import type { HealthWatch, Prospect } from "./health-watch.ts";
import type { Overrides } from "./overrides.ts";
import type { PlaneKeeper } from "./plane-keeper.ts";
import type { Reading } from "./reading.ts";
import { type Met, meet } from "./surroundings.ts";
import type { Turns } from "./turns.ts";
import type { Versions } from "./versions.ts";

const COMPLAINTS_SHOWN = 5;

const TEXT = {
  unfit: (complaints: string) => `the configuration does not fit this host at the moment: ${complaints}`,
};

/** The configuration in force. */
export interface Standing {
  readonly version: ConfigurationVersion;
  readonly reading: Reading;
  /** With the edits by hand. */
  readonly effective: Configuration;
  readonly met: Met;
}

export interface Ground {
  readonly journal: RunningJournal;
  readonly store: DirectorStore;
  readonly keeper: PlaneKeeper;
  readonly watch: HealthWatch;
  readonly overrides: Overrides;
  readonly versions: Versions;
  /** One writer at a time. */
  readonly turns: Turns;
  /** By what is wrong: each shown until it is over. */
  readonly troubles: Map<string, string>;
  /** For those who follow the configuration beside the director: scripts, the API's doors, the clients' way. */
  readonly inForce: (configuration: Configuration, effective: Configuration) => void;
  standing: Standing;
  /** Edits by hand that stand beside the configuration. */
  adopted: readonly Edit[];
}

/** What the packet path should hold now. */
export function desiredNow({ standing: { effective, met }, watch }: Ground): DesiredState {
  return desiredState(effective, (service) => watch.lineUp(service), met.surroundings);
}

/** What it should hold once a prospect is adopted. */
export function desiredThen(configuration: Configuration, { services }: Prospect, { surroundings }: Met): DesiredState {
  return desiredState(configuration, (service) => services.get(serviceName(service))?.health.lineUp ?? NOBODY, surroundings);
}

const NOBODY = { servers: [], sorry: false };

/** How it would be watched. `again`: the file in force, with other edits by hand. */
export function foresee({ watch, overrides }: Ground, configuration: Configuration, options?: { readonly again: boolean }): Prospect {
  return watch.foresee(configuration, overrides.orderOf, (service) => newlyKnown(service, overrides), options);
}

/** Of a service that nobody watched before only the operators' words are known. */
function newlyKnown(service: ConfiguredService, { orderOf }: Overrides): KnownHealth {
  const name = serviceName(service);
  return { servers: service.servers.map((server) => ({ checks: [], order: orderOf(name, serverName(server)) })) };
}

/** Another configuration is watched and wanted from here on. Returns services whose line-up is another than the prospect's. */
export function takeEffect(ground: Ground, standing: Standing, prospect: Prospect, cause: Cause): string[] {
  ground.standing = standing;
  ground.inForce(standing.reading.configuration, standing.effective);
  return ground.watch.adopt(prospect, ground.overrides.orderOf, cause);
}

/** Interfaces, addresses or routes are others. Within a turn. */
export function meetAgain(ground: Ground, waysTo: WaysTo): void {
  const { standing } = ground;
  const met = meet(standing.reading, standing.effective, waysTo);
  const { interfaces } = met.surroundings;
  // An address that went away may come back: what was met before stands until then.
  const good = met.complaints.length === 0 ? met : { ...standing.met, surroundings: { ...standing.met.surroundings, interfaces } };
  ground.standing = { ...standing, met: good };
  showComplaints(ground, met.complaints);
}

/** What of the configuration does not work on this host (any more): shown until it does. */
export function showComplaints({ troubles }: Ground, complaints: readonly Complaint[]): void {
  if (complaints.length === 0) troubles.delete("host");
  else troubles.set("host", TEXT.unfit(complaints.slice(0, COMPLAINTS_SHOWN).map(formatComplaint).join("; ")));
}
