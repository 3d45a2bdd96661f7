/**
 * The start of a director: which configuration is in force, what the kernel holds of it, the difference; the same after a first start, a restart and
 * a crash. A file that was not changed since it was read last leaves in force what was applied meanwhile; a file that cannot be used leaves what was.
 */

import { directDial } from "../../checker/dial.ts";
import { Stalls } from "../../checker/stalls.ts";
import type { Configuration } from "../../config/configuration.ts";
import { ConfigurationError } from "../../config/parse.ts";
import { requireBpf } from "../../kernel/capability.ts";
import type { Edit } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Cause } from "../../model/journal.ts";
import { serviceName } from "../../model/service.ts";
import { withEdits } from "../../reconcile/adopted.ts";
import { byName } from "../../reconcile/desired.ts";
import { diff } from "../../reconcile/diff.ts";
import { requireRoom } from "../capacity.ts";
import type { ConfigurationVersion, Director } from "../director.ts";
import type { RunningJournal } from "../journal/journal.ts";
import type { PacketPathOptions } from "../packet-path.ts";
import { rememberedWays } from "../server-way.ts";
import type { DirectorStore } from "../store.ts";
import { noticeDrift } from "./by-hand.ts";
import { DirectorDaemon, type Identity } from "./director.ts";
import { desiredNow, desiredThen, type Ground, type Standing, showComplaints, takeEffect } from "./ground.ts";
import { knownFromKernel } from "./health-rules.ts";
import { HealthWatch, type HealthWatchOptions } from "./health-watch.ts";
import { OwnMeasures } from "./measures.ts";
import { Overrides } from "./overrides.ts";
import { PlaneKeeper } from "./plane-keeper.ts";
import { type Reading, readFileText, readText } from "./reading.ts";
import { Reconciler } from "./reconciler.ts";
import { meet } from "./surroundings.ts";
import { Turns } from "./turns.ts";
import { NONE, Versions } from "./versions.ts";

export interface StartOptions extends Identity {
  readonly store: DirectorStore;
  readonly journal: RunningJournal;
  /** How checks go out; by this host's own routes when left out. */
  readonly dialOf?: HealthWatchOptions["dialOf"];
  /** Of a packet path that is made. */
  readonly packetPath?: PacketPathOptions;
  /** Who started it, for the history. */
  readonly by?: string;
  /** Another configuration comes into force: told before its checks begin. `effective`: with what was changed by hand. It must not throw. */
  readonly inForce?: (configuration: Configuration, effective: Configuration) => void;
}

export interface RunningDirector extends Director {
  readonly ready: boolean;
  /** Links, addresses or routes are others; or only neighbours are, which is told and no more. `untold`: it is the cause of what follows, and no story itself. */
  networkChanged(what: string, only?: { readonly neighboursOnly?: boolean; readonly untold?: boolean }): Promise<void>;
  stop(end: { readonly teardown: boolean; readonly reason: string }): Promise<void>;
}

const TEXT = {
  keepsVersion: (id: number) => `the configuration file cannot be used; the configuration ${id}, the last good one, is in force instead`,
  lost: "somebody took the packet path away, and its connections with it: it is made anew as the configuration says",
};

const START: Cause = { kind: "start" };
const DRIFT: Cause = { kind: "drift" };

/** Throws ConfigurationError for a broken file where no good version was kept; and what makes a packet path impossible. */
export async function startDirector(options: StartOptions): Promise<RunningDirector> {
  const { journal, store, by = `uid ${process.getuid?.() ?? 0}` } = options;
  requireBpf("run the director");
  const versions = new Versions(store);
  const troubles = new Map<string, string>();
  rollBackUnconfirmed(versions, journal);
  const chosen = choose(options.file, versions, (id, error) => {
    troubles.set("file", TEXT.keepsVersion(id));
    journal.tell({ event: "configuration-refused", file: options.file, complaints: error.message.split("\n") }, START);
  });
  requireRoom({ services: chosen.reading.configuration.services, attachments: [] });
  journal.tell({ event: "director-started", version: options.version, pid: process.pid, capabilities: options.capabilities() }, START);
  const stalls = new Stalls();
  const measures = new OwnMeasures();
  const overrides = new Overrides(store);
  const keeper = new PlaneKeeper(options.packetPath ?? {});
  const watch = new HealthWatch({
    journal,
    stalls,
    dialOf: options.dialOf ?? (() => directDial),
    changed: (service, cause, because) => void reconciler.services([service], { cause, because }),
    fell: (name, server, because) => {
      const service = watch.services.get(name)?.rule;
      if (server.cutTemplates && service !== undefined) reconciler.cutTemplates({ service, server, cause: { kind: "health" }, because });
    },
    checked: (kind, verdict) => measures.count(kind, verdict),
  });

  const { reading } = chosen;
  const adopted = chosen.version === undefined ? [] : store.adopted();
  if (adopted.length === 0 && store.adopted().length > 0) store.keepAdopted([]);
  const effective = withEdits(reading.configuration, adopted);
  const ground = makeGround({ ...options, keeper, watch, overrides, versions, troubles, adopted });
  const reconciler = new Reconciler(ground);
  keeper.noticing({
    read: (before, held) => {
      if (noticeDrift(ground, before, held)) void reconciler.all({ cause: DRIFT });
    },
    lost: () => {
      journal.tell({ event: "warning", text: TEXT.lost }, DRIFT);
      void reconciler.all({ cause: DRIFT }, { anew: true });
    },
  });
  const director = new DirectorDaemon({ ground, reconciler, identity: options, measures });
  const begin = async (): Promise<void> => {
    await keeper.turn(async (turn) => {
      const { plane, held, waysTo } = turn;
      const met = meet(reading, effective, waysTo);
      const heldByName = byName(held.services);
      const prospect = watch.foresee(effective, overrides.orderOf, (service) =>
        knownFromKernel(service, heldByName.get(serviceName(service)), overrides.orderOf),
      );
      requireRoom(desiredThen(effective, prospect, met));
      const version =
        chosen.version ??
        versions.add({ digest: reading.digest, file: reading.file, appliedMs: Date.now(), by, state: "present" }, reading.text);
      takeEffect(ground, { version, reading, effective, met }, prospect, START);
      showComplaints(ground, met.complaints);
      const changes = diff(desiredNow(ground), held);
      const because = journal.tell({ event: "configuration-applied", id: version.id, file: version.file, changes: changes.length }, START);
      const failed = await reconciler.within(turn, changes, () => ({ cause: START, because }));
      plane.everyInterface = false;
      plane.renewPorts();
      plane.refreshWays();
      if (failed.length === 0) plane.tidy();
    });
  };
  try {
    // What the network does meanwhile waits for its turn.
    await ground.turns.take(begin);
  } catch (error) {
    measures.stop();
    reconciler.stop();
    watch.stop();
    keeper.close();
    throw error;
  }
  director.begin();
  return director;
}

type GroundParts = Omit<Ground, "standing" | "turns" | "inForce"> & Pick<StartOptions, "inForce"> & { readonly adopted: readonly Edit[] };

function makeGround({
  journal,
  store,
  keeper,
  watch,
  overrides,
  versions,
  troubles,
  adopted,
  inForce = () => undefined,
}: GroundParts): Ground {
  return { journal, store, keeper, watch, overrides, versions, troubles, adopted, inForce, turns: new Turns(), standing: UNSTANDING };
}

/** Before the first configuration stands. */
const UNSTANDING: Standing = {
  version: NONE,
  get reading(): Reading {
    throw new RangeError("no configuration stands yet");
  },
  get effective(): never {
    throw new RangeError("no configuration stands yet");
  },
  get met(): never {
    throw new RangeError("no configuration stands yet");
  },
};

/** Who does not live to see a confirmation has not seen one. */
function rollBackUnconfirmed(versions: Versions, journal: RunningJournal): void {
  const pending = versions.present();
  if (pending?.state !== "pending") return;
  const before = versions.before(pending.id);
  // The very first one has nothing to go back to.
  if (before === undefined) versions.confirm(pending.id);
  else {
    versions.goBack(pending.id, before.id);
    journal.tell({ event: "configuration-rolled-back", id: pending.id }, { kind: "not-confirmed" });
  }
}

interface Chosen {
  readonly reading: Reading;
  /** Undefined: a new one. */
  readonly version: ConfigurationVersion | undefined;
}

/** One that was in force already is again, though an address may be missing as long as the machine is starting; a new one has to work here. */
function requireFit(reading: Reading): void {
  const { complaints } = meet(reading, reading.configuration, rememberedWays());
  if (complaints.length > 0) throw new ConfigurationError(complaints);
}

function choose(file: string, versions: Versions, keeps: (id: number, error: EvenkeelError) => void): Chosen {
  const present = versions.present();
  const kept = (): Chosen | undefined => {
    if (present === undefined) return undefined;
    return { reading: readText(versions.get(present.id).text, present.file), version: present };
  };
  try {
    const reading = readText(readFileText(file), file);
    if (present?.digest === reading.digest) return { reading, version: present };
    // What was applied since the file was read is newer than the file.
    const unchanged = versions.lastOf(file)?.digest === reading.digest;
    const good = unchanged ? kept() : undefined;
    if (good !== undefined) return good;
    requireFit(reading);
    return { reading, version: undefined };
  } catch (error) {
    if (!(error instanceof EvenkeelError) || !(error instanceof ConfigurationError || error.code === "BAD_CONFIGURATION")) throw error;
    const good = kept();
    if (good === undefined || present === undefined) throw error;
    keeps(present.id, error);
    return good;
  }
}
