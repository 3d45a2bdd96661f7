/** The replay engine that asks the schedulers of this room directly: one service, its servers, and their counters. */

import type { Address } from "../model/address.ts";
import { findScheduler, schedulerOf } from "./index.ts";
import { BadRecording } from "./recording/recorded.ts";
import type { ReplayEngine, ServerId } from "./replay.ts";
import { type Candidate, type Flow, idleCandidate, LOCALITY_SECONDS, type Occasion, type Scheduler } from "./scheduler.ts";

const FLAG_FALLBACK = 8;
const FLAG_PORT = 16;

type Server = { -readonly [Fact in keyof Candidate]: Candidate[Fact] };

export class SchedulerEngine implements ReplayEngine {
  #scheduler: Scheduler = schedulerOf("rr");
  #memory: object = {};
  #flags = 0;
  #nowMs = 0;
  readonly #chance: Occasion["chance"];
  /** In walk order; what was deleted keeps its counters until it comes back. */
  #walk: Server[] = [];
  readonly #servers = new Map<ServerId, Server>();

  /** Without a source of chance there is no `twos`, of which there can be no recording either. */
  constructor(chance?: Occasion["chance"]) {
    this.#chance =
      chance ??
      (() => {
        throw new BadRecording("a scheduler that draws lots cannot be replayed");
      });
  }

  service(name: string, flags: number): void {
    const scheduler = findScheduler(name);
    if (scheduler === undefined) throw new BadRecording(`there is no scheduler "${name}"`);
    this.#scheduler = scheduler;
    this.#flags = flags;
    this.#walk = [];
    this.#servers.clear();
    this.#nowMs = 0;
    this.#memory = scheduler.prepare([], 0);
  }

  add(id: ServerId, facts: { readonly address: Address; readonly port: number; readonly weight: number }): void {
    const server = idleCandidate(facts);
    this.#servers.set(id, server);
    this.#change(() => [server, ...this.#walk]);
  }

  readd(id: ServerId, weight: number): void {
    const server = this.#server(id);
    Object.assign(server, { weight, lastWeight: weight });
    this.#change(() => [server, ...this.#walk]);
  }

  del(id: ServerId): void {
    const server = this.#server(id);
    this.#change(() => this.#walk.filter((other) => other !== server));
  }

  weight(id: ServerId, weight: number): void {
    const server = this.#server(id);
    // As IPVS: a server that is not there cannot be edited.
    if (!this.#walk.includes(server)) return;
    server.weight = weight;
    if (weight !== 0) server.lastWeight = weight;
    this.#change(() => this.#walk);
  }

  overload(id: ServerId, overloaded: boolean): void {
    this.#server(id).overloaded = overloaded;
  }

  connections(id: ServerId, active: number, inactive: number): void {
    Object.assign(this.#server(id), { active, total: active + inactive });
  }

  tick(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }

  pick(flow: Flow): ServerId | undefined {
    const chosen = this.#choose(flow);
    return chosen === undefined ? undefined : [...this.#servers].find(([, server]) => server === chosen)?.[0];
  }

  connect(flow: Flow): ServerId | undefined {
    const id = this.pick(flow);
    if (id === undefined) return undefined;
    const server = this.#server(id);
    server.active++;
    server.total++;
    return id;
  }

  #choose(flow: Flow): Server | undefined {
    const position = this.#scheduler.choose(this.#walk, flow, this.#memory, {
      fallback: (this.#flags & FLAG_FALLBACK) !== 0,
      usePort: (this.#flags & FLAG_PORT) !== 0,
      nowMs: this.#nowMs,
      cacheExpirationMs: LOCALITY_SECONDS * 1000,
      chance: this.#chance,
    });
    return position === undefined ? undefined : this.#walk[position];
  }

  #change(next: () => Server[]): void {
    const before = this.#walk;
    this.#walk = next();
    this.#memory = this.#scheduler.changed(this.#memory, before, this.#walk);
  }

  #server(id: ServerId): Server {
    const server = this.#servers.get(id);
    if (server === undefined) throw new BadRecording(`there is no server ${id}`);
    return server;
  }
}
