/** The replay engine that asks the schedulers of this room directly: one service, its servers, and their counters. */

import type { Address } from "../model/address.ts";
import { SCHEDULERS, type SchedulerName } from "../model/service.ts";
import { schedulerOf } from "./index.ts";
import type { ReplayEngine, ServerId } from "./replay.ts";
import { type Candidate, type Flow, idleCandidate, type Scheduler } from "./scheduler.ts";

export class SchedulerEngine implements ReplayEngine {
  #scheduler: Scheduler = schedulerOf("rr");
  #memory: object = {};
  /** In walk order; what was deleted keeps its counters until it comes back. */
  #walk: ServerId[] = [];
  readonly #servers = new Map<ServerId, Candidate>();

  service(scheduler: string): void {
    const name = SCHEDULERS.find((known): known is SchedulerName => known === scheduler);
    if (name === undefined) throw new Error(`there is no scheduler "${scheduler}"`);
    this.#scheduler = schedulerOf(name);
    this.#walk = [];
    this.#servers.clear();
    this.#memory = this.#scheduler.prepare([]);
  }

  add(id: ServerId, server: { readonly address: Address; readonly port: number; readonly weight: number }): void {
    this.#change(() => {
      this.#servers.set(id, idleCandidate(server));
      this.#walk = [id, ...this.#walk];
    });
  }

  readd(id: ServerId, weight: number): void {
    this.#change(() => {
      this.#update(id, { weight });
      this.#walk = [id, ...this.#walk];
    });
  }

  del(id: ServerId): void {
    this.#change(() => {
      this.#walk = this.#walk.filter((other) => other !== id);
    });
  }

  weight(id: ServerId, weight: number): void {
    // As IPVS: a server that is not there cannot be edited.
    if (this.#walk.includes(id)) this.#change(() => this.#update(id, { weight }));
  }

  overload(id: ServerId, overloaded: boolean): void {
    this.#update(id, { overloaded });
  }

  connections(id: ServerId, active: number, inactive: number): void {
    this.#update(id, { active, total: active + inactive });
  }

  // No scheduler here forgets with time.
  tick(): void {}

  pick(flow: Flow): ServerId | undefined {
    const position = this.#scheduler.choose(this.#candidates(), flow, this.#memory);
    return position === undefined ? undefined : this.#walk[position];
  }

  connect(flow: Flow): ServerId | undefined {
    const id = this.pick(flow);
    if (id !== undefined) this.#update(id, { active: this.#server(id).active + 1, total: this.#server(id).total + 1 });
    return id;
  }

  #change(step: () => void): void {
    const before = this.#candidates();
    step();
    this.#memory = this.#scheduler.changed(this.#memory, before, this.#candidates());
  }

  #candidates(): Candidate[] {
    return this.#walk.map((id) => this.#server(id));
  }

  #server(id: ServerId): Candidate {
    const server = this.#servers.get(id);
    if (server === undefined) throw new Error(`there is no server ${id}`);
    return server;
  }

  #update(id: ServerId, update: Partial<Candidate>): void {
    this.#servers.set(id, { ...this.#server(id), ...update });
  }
}
