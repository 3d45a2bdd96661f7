/** A running director: what can be asked of it, answered from what its parts know; what can be done to it, in turns. */

import type { ConfiguredService } from "../../config/configuration.ts";
import type { Edit } from "../../model/edit.ts";
import type { Edited, EditOptions } from "../../model/edit-refused.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Cause, JournalEntry } from "../../model/journal.ts";
import type { OverrideWish } from "../../model/override.ts";
import { serviceName } from "../../model/service.ts";
import { byName } from "../../reconcile/desired.ts";
import type { ConnectionFilter } from "../connection-filter.ts";
import { ConnectionReader, type ConnectionSlice } from "../connection-reader.ts";
import type {
  Applied,
  ApplyRequest,
  Asker,
  ConfigurationVersion,
  Director,
  DirectorStatus,
  EventQuery,
  Measures,
  Plan,
  ServerReference,
  ServerView,
  ServiceView,
} from "../director.ts";
import { PacketPath } from "../packet-path.ts";
import { applyWish, madeByHand, planText, requireNothingPending, requirePresent, type Wish } from "./applying.ts";
import { editByHand, forgetAdopted, linesOf } from "./by-hand.ts";
import { Confirmation } from "./confirmation.ts";
import { Drains } from "./drains.ts";
import { type Ground, meetAgain } from "./ground.ts";
import { tellEnd } from "./health-stories.ts";
import type { OwnMeasures } from "./measures.ts";
import { causeOf, forgetStrangers, give, type Heeded, take } from "./orders.ts";
import { readFileText } from "./reading.ts";
import type { Reconciler } from "./reconciler.ts";
import { serversMeant, servicesMeant } from "./references.ts";
import { countedBy, type Sight, serverView, serviceView } from "./views.ts";

export interface Identity {
  /** The configuration file that reload() reads. */
  readonly file: string;
  readonly version: string;
  readonly capabilities: () => readonly string[];
}

/** A roll-back that failed is tried again. */
const ROLL_BACK_AGAIN_MS = 5000;

const TEXT = {
  notConfirmed: "nothing waits to be confirmed",
  noBefore: "there is no configuration before the present one",
  historyCure: "evenkeel history lists what there is",
  rollBackFailed: (reason: string) => `the configuration that was not confirmed could not be taken back: ${reason}`,
};

interface Parts {
  readonly ground: Ground;
  readonly reconciler: Reconciler;
  readonly identity: Identity;
  readonly measures: OwnMeasures;
}

export class DirectorDaemon implements Director {
  readonly #ground: Ground;
  readonly #reconciler: Reconciler;
  readonly #identity: Identity;
  readonly #drains: Drains;
  readonly #startedMs = Date.now();
  readonly #confirmation = new Confirmation();
  readonly #measures: OwnMeasures;
  #ready = false;
  #over = false;

  constructor({ ground, reconciler, identity, measures }: Parts) {
    this.#ground = ground;
    this.#reconciler = reconciler;
    this.#identity = identity;
    this.#drains = new Drains(ground);
    this.#measures = measures;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** From here on it keeps what it found or made. */
  begin(): void {
    this.#ready = true;
    this.#drains.begin();
    this.#reconciler.begin();
  }

  status(): DirectorStatus {
    const { standing, adopted, overrides, keeper, troubles, watch, store, journal } = this.#ground;
    const services = standing.effective.services;
    const confirmUntilMs = this.#confirmation.untilMs;
    const health = [...watch.services.values()];
    const states = health.flatMap((each) => each.health.servers);
    return {
      version: this.#identity.version,
      pid: process.pid,
      startedMs: this.#startedMs,
      ready: this.#ready,
      troubles: [...troubles.values(), ...[store.trouble, journal.trouble].filter((trouble) => trouble !== undefined)],
      configuration: standing.version,
      ...(confirmUntilMs === undefined ? {} : { confirmUntilMs }),
      adopted: adopted.length === 0 ? [] : linesOf(madeByHand(this.#ground)),
      attachments: keeper.held.attachments,
      warnings: standing.met.warnings,
      services: services.length,
      servers: { all: states.length, up: states.filter(({ condition }) => condition === "up").length, overridden: overrides.size },
      checks: health.flatMap(({ servers }) => servers.flatMap(({ checks }) => checks)).length,
      capabilities: this.#identity.capabilities(),
    };
  }

  services(reference?: string): readonly ServiceView[] {
    const all = this.#ground.standing.effective.services;
    const meant = reference === undefined ? all : servicesMeant(reference, all);
    const sight = this.#sight(reference === undefined ? undefined : meant);
    return meant.map((service) => serviceView(service, sight));
  }

  servers(reference?: ServerReference): readonly ServerView[] {
    if (reference === undefined) return this.services().flatMap(({ servers }) => servers);
    const meant = serversMeant(reference, this.#ground.standing.effective.services);
    const sight = this.#sight(meant.map(({ service }) => service));
    return meant.map(({ service, server }) => serverView(service, server, sight));
  }

  kernel(): ReturnType<Director["kernel"]> {
    const { plane, held } = this.#ground.keeper;
    if (plane === undefined) throw away();
    return { state: held, counters: plane.counters() };
  }

  *connections(filter: ConnectionFilter, from?: number): Generator<ConnectionSlice> {
    // Its own: the walk is longer than a turn.
    const path = PacketPath.open();
    if (path === undefined) return;
    try {
      const reader = new ConnectionReader(path);
      try {
        yield* reader.slices(filter, from);
      } finally {
        reader.close();
      }
    } finally {
      path.close();
    }
  }

  configuration(id?: number): { readonly version: ConfigurationVersion; readonly text: string } {
    const { standing, versions } = this.#ground;
    if (id === undefined || id === standing.version.id) return { version: standing.version, text: standing.reading.text };
    return versions.get(id);
  }

  history(): readonly ConfigurationVersion[] {
    return this.#ground.versions.all();
  }

  plan(text: string, file: string): Promise<Plan> {
    return this.#ground.turns.take(() => planText(this.#ground, text, file));
  }

  apply(request: ApplyRequest, asker: Asker): Promise<Applied> {
    return this.#ground.turns.take(async () => {
      const { by } = asker;
      const applied = await this.#apply({ ...request, by, cause: { kind: "apply", by } });
      if (request.confirmWithinMs !== undefined && !request.dryRun) {
        this.#stopWaiting();
        this.#confirmation.expect(request.confirmWithinMs, () => void this.#notConfirmed());
      }
      return applied;
    });
  }

  reload({ by }: Asker, ifDigest?: string): Promise<Applied> {
    return this.#ground.turns.take(async () => {
      requirePresent(this.#ground.standing.version, ifDigest);
      const { file } = this.#identity;
      return await this.#apply({ text: readFileText(file), file, by, cause: { kind: "reload", by } });
    });
  }

  confirm(asker: Asker, ifDigest?: string): Promise<ConfigurationVersion> {
    return this.#ground.turns.take(async () => {
      const { standing, versions, journal } = this.#ground;
      const { version } = standing;
      requirePresent(version, ifDigest);
      if (version.state !== "pending") throw new EvenkeelError("CONFLICT", TEXT.notConfirmed);
      this.#stopWaiting();
      const confirmed = versions.confirm(version.id);
      this.#ground.standing = { ...standing, version: confirmed };
      journal.tell({ event: "configuration-confirmed", id: version.id }, causeOf(asker));
      forgetStrangers(this.#ground, causeOf(asker));
      return confirmed;
    });
  }

  undo({ by }: Asker, id?: number, ifDigest?: string): Promise<Applied> {
    return this.#ground.turns.take(async () => {
      requirePresent(this.#ground.standing.version, ifDigest);
      const cause: Cause = { kind: "undo", by };
      if (id === undefined) return await this.#goBack(cause, by);
      requireNothingPending(this.#ground.standing.version);
      const { version, text } = this.#ground.versions.get(id);
      return await this.#apply({ text, file: version.file, by, cause });
    });
  }

  override(reference: ServerReference, wish: OverrideWish, asker: Asker): Promise<readonly ServerView[]> {
    return this.#order(asker, () => give(this.#ground, reference, wish, asker), wish.kind === "drain");
  }

  clearOverride(reference: ServerReference, asker: Asker, only?: OverrideWish["kind"]): Promise<readonly ServerView[]> {
    return this.#order(asker, () => take(this.#ground, reference, asker, only), false);
  }

  async edit(edits: readonly Edit[], options: EditOptions, asker: Asker): Promise<Edited> {
    const edited = await this.#ground.turns.take(() => editByHand(this.#ground, edits, options, asker));
    // Where to listen may be another; else it has been done.
    if (!options.judgeOnly) await this.#reconciler.all({ cause: causeOf(asker) });
    return edited;
  }

  async forgetAdopted(asker: Asker): Promise<readonly string[]> {
    const forgotten = await this.#ground.turns.take(async () => {
      const made = linesOf(madeByHand(this.#ground));
      if (forgetAdopted(this.#ground, causeOf(asker)).length === 0) return [];
      this.#ground.journal.tell({ event: "adopted-forgotten", changes: made }, causeOf(asker));
      return made;
    });
    if (forgotten.length > 0) await this.#reconciler.all({ cause: causeOf(asker) });
    return forgotten;
  }

  events(query: EventQuery): readonly JournalEntry[] {
    return this.#ground.journal.events(query);
  }

  follow(query: EventQuery, signal: AbortSignal): AsyncIterable<JournalEntry> {
    return this.#ground.journal.follow(query, signal);
  }

  measures(): Measures {
    return {
      checksUnderWay: this.#ground.watch.underWay,
      checks: this.#measures.checks,
      reconciliations: this.#reconciler.measures,
      journal: this.#ground.journal.measures(),
      eventLoopLagSeconds: this.#measures.eventLoopLagSeconds,
    };
  }

  /** Links, addresses or routes are others: what the configuration meets is looked up again, and servers' ways too. */
  async networkChanged(what: string, { neighboursOnly = false, untold = false } = {}): Promise<void> {
    const cause: Cause = { kind: "network", what };
    if (!untold) this.#ground.journal.tell({ event: "network", what }, cause);
    // Neighbours are the kernel's own affair, and only told.
    if (this.#over || neighboursOnly) return;
    await this.#ground.turns.take(() =>
      this.#ground.keeper.turn(({ plane, waysTo }) => {
        meetAgain(this.#ground, waysTo);
        plane.refreshWays();
      }),
    );
    await this.#reconciler.all({ cause });
  }

  /** The packet path stays as it is, or goes too. */
  async stop({ teardown, reason }: { readonly teardown: boolean; readonly reason: string }): Promise<void> {
    this.#ready = false;
    this.#over = true;
    this.#stopWaiting();
    this.#drains.stop();
    this.#reconciler.stop();
    this.#ground.watch.stop();
    this.#measures.stop();
    await this.#ground.turns.settled();
    const { keeper, journal } = this.#ground;
    if (teardown) {
      tellEnd(this.#ground);
      await keeper.turn(() => keeper.remove());
    }
    keeper.close();
    journal.tell({ event: "director-stopped", reason, teardown }, { kind: "stop" });
  }

  async #order(asker: Asker, say: () => Heeded, cutTemplates: boolean): Promise<readonly ServerView[]> {
    const heeded = await this.#ground.turns.take(async () => say());
    const cause = causeOf(asker);
    for (const { service, server, because } of heeded) {
      const one = service.servers[server];
      if (one !== undefined && cutTemplates) this.#reconciler.cutTemplates({ service, server: one, cause, because });
    }
    const [first] = heeded;
    if (first !== undefined) {
      const { because } = first;
      await this.#reconciler.services(new Set(heeded.map(({ service }) => serviceName(service))), { cause, because });
    }
    const sight = this.#sight(heeded.map(({ service }) => service));
    const services = byName(this.#ground.standing.effective.services);
    return heeded.flatMap(({ service, server }) => {
      const present = services.get(serviceName(service));
      return present === undefined || present.servers[server] === undefined ? [] : [serverView(present, server, sight)];
    });
  }

  async #apply(wish: Wish): Promise<Applied> {
    const later = (services: readonly string[]): void => void this.#reconciler.services(services, { cause: { kind: "health" } });
    const applied = await applyWish(this.#ground, wish, later);
    if (!wish.dryRun && wish.confirmWithinMs === undefined) forgetStrangers(this.#ground, wish.cause);
    return applied;
  }

  /** To the version before, which becomes present again. */
  async #goBack(cause: Cause, by: string): Promise<Applied> {
    const { versions, standing, journal } = this.#ground;
    const from = standing.version;
    const before = versions.before(from.id);
    if (before === undefined) throw new EvenkeelError("NOT_FOUND", TEXT.noBefore, { cure: TEXT.historyCure });
    const { text } = versions.get(before.id);
    const applied = await this.#apply({ text, file: before.file, by, cause, again: { version: before, from: from.id } });
    this.#stopWaiting();
    journal.tell({ event: "configuration-rolled-back", id: from.id }, cause);
    return applied;
  }

  async #notConfirmed(): Promise<void> {
    const { turns, troubles, standing } = this.#ground;
    const { id } = standing.version;
    try {
      await turns.take(async () => {
        // It may have been confirmed while this waited for its turn.
        const { version } = this.#ground.standing;
        if (version.id === id && version.state === "pending") await this.#goBack({ kind: "not-confirmed" }, version.by);
      });
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      if (this.#over) return;
      troubles.set("confirmation", TEXT.rollBackFailed(error.message));
      this.#confirmation.again(ROLL_BACK_AGAIN_MS, () => void this.#notConfirmed());
    }
  }

  #stopWaiting(): void {
    this.#confirmation.stop();
    this.#ground.troubles.delete("confirmation");
  }

  /** With what was counted, of some services or of all. */
  #sight(only?: readonly ConfiguredService[]): Sight {
    const { watch, overrides, keeper } = this.#ground;
    if (keeper.plane === undefined) throw away();
    return { watch, overrides, counted: countedBy(keeper.plane.counters(only && new Set(only.map(serviceName)))) };
  }
}

function away(): EvenkeelError {
  return new EvenkeelError("NOT_RUNNING", "the director has no packet path at the moment", {
    cure: "evenkeel status says what it is doing",
  });
}
