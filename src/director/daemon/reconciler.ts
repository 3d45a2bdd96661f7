/**
 * Brings the packet path to what is wanted, again and again: at a change of health those services only, after a failure what failed, from time to
 * time all of it. What several ask for while one round waits is one round. Every change is told with what led to it.
 */

import { setImmediate as othersTurn } from "node:timers/promises";
import type { ServerName, ServiceName } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { Cause } from "../../model/journal.ts";
import type { Change, DesiredState } from "../../model/plane.ts";
import { serverName, serviceName } from "../../model/service.ts";
import { describeChange } from "../../reconcile/describe-change.ts";
import { desiredService } from "../../reconcile/desired.ts";
import { diff } from "../../reconcile/diff.ts";
import type { Measures } from "../director.ts";
import { desiredNow, type Ground } from "./ground.ts";
import type { PlaneTurn } from "./plane-keeper.ts";
import { applyEach, changeStory, type Failed, subjectOf } from "./rounds.ts";

interface Reason {
  readonly cause: Cause;
  readonly because?: number;
}

/** Templates of a server that go once it has ceased to serve. */
interface CutWish extends Reason {
  readonly service: ServiceName;
  readonly server: ServerName;
}

/** How soon it is seen that others wrote. */
const GLANCE_MS = 1000;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;

const TEXT = {
  failed: (reason: string) => `the last change of the packet path failed: ${reason}`,
  round: "compare the packet path with what is wanted",
};

export class Reconciler {
  readonly #ground: Ground;
  /** Services to look at, by name. */
  #services = new Map<string, Reason>();
  #all: Reason | undefined;
  #anew = false;
  /** By service and server. */
  #cuts = new Map<string, CutWish>();
  #asked: Promise<void> | undefined;
  #retryMs = RETRY_FIRST_MS;
  #retry: NodeJS.Timeout | undefined;
  #compare: NodeJS.Timeout | undefined;
  #glance: NodeJS.Timeout | undefined;
  #stopped = false;
  #measures = { done: 0, failed: 0, lastSeconds: 0 };

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  get measures(): Measures["reconciliations"] {
    return this.#measures;
  }

  /** The first reason that is given for a service counts. Resolves when the round is over; never throws. */
  async services(names: Iterable<string>, reason: Reason): Promise<void> {
    for (const name of names) if (!this.#services.has(name)) this.#services.set(name, reason);
    await this.#ask();
  }

  /** `anew`: whatever others may have done to it. */
  async all(reason: Reason, { anew = false } = {}): Promise<void> {
    this.#all ??= reason;
    this.#anew ||= anew;
    await this.#ask();
  }

  /** In the next round, after its changes. */
  cutTemplates(wish: CutWish): void {
    this.#cuts.set(`${serviceName(wish.service)} ${serverName(wish.server)}`, wish);
  }

  /** All that the kernel holds, every `compareMs` of the configuration in force, and whenever others have written. */
  begin(): void {
    this.#compareAlways();
    this.#glance = setInterval(() => {
      if (this.#ground.keeper.othersWrote) void this.all({ cause: { kind: "drift" } });
    }, GLANCE_MS);
    this.#glance.unref();
  }

  #compareAlways(): void {
    const { compareMs } = this.#ground.standing.effective.director;
    const compare = async (): Promise<void> => {
      await this.all({ cause: { kind: "drift" } }, { anew: true });
      if (!this.#stopped) this.#compareAlways();
    };
    this.#compare = setTimeout(() => void compare(), compareMs);
    this.#compare.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#compare);
    clearInterval(this.#glance);
    clearTimeout(this.#retry);
  }

  /** All that differs, within a turn that somebody has already. */
  async within(turn: PlaneTurn, changes: readonly Change[], reasonOf: (change: Change) => Reason): Promise<readonly Failed[]> {
    const failed = await this.#make(turn, changes, reasonOf);
    if (failed.length === 0) this.#recovered();
    return failed;
  }

  async #make(turn: PlaneTurn, changes: readonly Change[], reasonOf: (change: Change) => Reason): Promise<readonly Failed[]> {
    const { done, failed } = await applyEach(turn.plane, changes);
    for (const change of done) {
      const { cause, because } = reasonOf(change);
      this.#ground.journal.tell(changeStory(change, this.#ground.watch.services), cause, because);
    }
    if (failed.length > 0) turn.distrust();
    const retryMs = this.#retryMs;
    for (const { change, error } of failed) this.#fail(describeChange(change), error.message, { ...reasonOf(change), retryMs });
    return failed;
  }

  #ask(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#asked ??= this.#soon();
    return this.#asked;
  }

  async #soon(): Promise<void> {
    // Verdicts that came together are one round: it begins when all of them were heard.
    await othersTurn();
    try {
      await this.#ground.turns.take(() => this.#round());
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      this.#asked = undefined;
      this.#fail(TEXT.round, error.message, { cause: { kind: "health" } });
    }
  }

  async #round(): Promise<void> {
    const [services, all, anew, cuts] = [this.#services, this.#all, this.#anew, this.#cuts];
    this.#asked = undefined;
    this.#services = new Map();
    this.#all = undefined;
    this.#anew = false;
    this.#cuts = new Map();
    if (this.#stopped) return;
    const startMs = performance.now();
    try {
      await this.#ground.keeper.turn(
        async (turn) => {
          const changes = all === undefined ? this.#someChanges(turn, services) : diff(desiredNow(this.#ground), turn.held);
          const reasonOf = (change: Change): Reason =>
            services.get(subjectOf(change).service ?? "") ?? all ?? { cause: { kind: "health" } };
          await (all === undefined ? this.#make(turn, changes, reasonOf) : this.within(turn, changes, reasonOf));
          if (anew) {
            turn.plane.renewPorts();
            turn.plane.tidy();
          }
          await this.#cut(turn, [...cuts.values()]);
        },
        { anew: anew || this.#ground.troubles.has("packet path") },
      );
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      for (const [name, reason] of services) this.#services.set(name, reason);
      this.#all ??= all;
      for (const [name, wish] of cuts) if (!this.#cuts.has(name)) this.#cuts.set(name, wish);
      this.#fail(TEXT.round, error.message, { cause: { kind: "drift" } });
    }
    this.#measures.done++;
    this.#measures.lastSeconds = (performance.now() - startMs) / 1000;
  }

  #someChanges({ held }: PlaneTurn, services: ReadonlyMap<string, unknown>): Change[] {
    const { effective, met } = this.#ground.standing;
    const wanted = effective.services.filter((service) => services.has(serviceName(service)));
    const desired: DesiredState = {
      ...held,
      services: wanted.map((service) => desiredService(service, this.#ground.watch.lineUp(service), met.surroundings)),
    };
    return diff(desired, { ...held, services: held.services.filter((service) => services.has(serviceName(service))) });
  }

  async #cut({ plane }: PlaneTurn, cuts: readonly CutWish[]): Promise<void> {
    for (const { service, server, cause, because } of cuts) {
      const templates = await plane.cutConnections({ service, server, what: "templates" });
      if (templates === 0) continue;
      const story = { event: "templates-cut", service: serviceName(service), server: serverName(server), templates } as const;
      this.#ground.journal.tell(story, cause, because);
    }
  }

  /** All that was wanted is so: of a few services that would say nothing. */
  #recovered(): void {
    this.#retryMs = RETRY_FIRST_MS;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#ground.troubles.delete("packet path");
  }

  #fail(text: string, reason: string, { cause, because, retryMs = this.#retryMs }: Reason & { readonly retryMs?: number }): void {
    this.#measures.failed++;
    this.#ground.troubles.set("packet path", TEXT.failed(`${text}: ${reason}`));
    this.#ground.journal.tell({ event: "change-failed", text, reason, retryMs }, cause, because);
    if (this.#retry !== undefined || this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.all({ cause }, { anew: true });
    }, retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }
}
