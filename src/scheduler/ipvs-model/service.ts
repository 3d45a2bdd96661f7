/** A virtual service as IPVS keeps it: its key, its rules, its servers newest first, and the scheduler with its memory. */

import { type Address, sameAddress } from "../../model/address.ts";
import type { Flow, Occasion, Scheduler } from "../scheduler.ts";
import { type Destination, type DestinationFacts, update } from "./destination.ts";

export type ServiceProtocol = "tcp" | "udp" | "sctp";

export type ServiceKey =
  | { readonly kind: "address"; readonly protocol: ServiceProtocol; readonly address: Address; readonly port: number }
  | { readonly kind: "mark"; readonly family: Address["family"]; readonly mark: number };

/** What can be edited. */
export interface ServiceRules {
  readonly schedulerName: string;
  readonly scheduler: Scheduler;
  readonly fallback: boolean;
  readonly usePort: boolean;
  /** UDP: every datagram is scheduled, nothing is kept. */
  readonly onePacket: boolean;
  readonly persistence: Persistence | undefined;
}

export interface Persistence {
  readonly timeoutSeconds: number;
  /** How many leading bits of the client's address count. */
  readonly prefixLength: number;
}

export class Service {
  readonly key: ServiceKey;
  #rules: ServiceRules;
  #memory: object;
  /** In walk order, newest first. */
  #destinations: Destination[] = [];

  constructor(key: ServiceKey, rules: ServiceRules, nowMs: number) {
    this.key = key;
    this.#rules = rules;
    this.#memory = rules.scheduler.prepare([], nowMs);
  }

  get rules(): ServiceRules {
    return this.#rules;
  }

  get destinations(): readonly Destination[] {
    return this.#destinations;
  }

  /** 0 for every port, and for a mark. */
  get port(): number {
    return this.key.kind === "address" ? this.key.port : 0;
  }

  /** A scheduler that stays keeps its memory; another begins with the present servers. */
  edit(rules: ServiceRules, nowMs: number): void {
    if (rules.scheduler !== this.#rules.scheduler) this.#memory = rules.scheduler.prepare(this.#destinations, nowMs);
    this.#rules = rules;
  }

  find({ address, port }: Pick<DestinationFacts, "address" | "port">): Destination | undefined {
    return this.#destinations.find((each) => each.port === port && sameAddress(each.address, address));
  }

  add(destination: Destination, facts: DestinationFacts): void {
    update(destination, facts, "add");
    this.#change([destination, ...this.#destinations]);
  }

  editDestination(destination: Destination, facts: DestinationFacts): void {
    update(destination, facts, "edit");
    this.#change(this.#destinations);
  }

  remove(destination: Destination): void {
    destination.available = false;
    this.#change(this.#destinations.filter((each) => each !== destination));
  }

  schedule(flow: Flow, occasion: Omit<Occasion, "fallback" | "usePort">): Destination | undefined {
    const { scheduler, fallback, usePort } = this.#rules;
    const position = scheduler.choose(this.#destinations, flow, this.#memory, { ...occasion, fallback, usePort });
    return position === undefined ? undefined : this.#destinations[position];
  }

  #change(after: Destination[]): void {
    const before = this.#destinations;
    this.#destinations = after;
    this.#memory = this.#rules.scheduler.changed(this.#memory, before, after);
  }
}

export function sameKey(one: ServiceKey, other: ServiceKey): boolean {
  if (one.kind === "mark" || other.kind === "mark") {
    return one.kind === "mark" && other.kind === "mark" && one.mark === other.mark && one.family === other.family;
  }
  return one.protocol === other.protocol && one.port === other.port && sameAddress(one.address, other.address);
}

export function familyOf(key: ServiceKey): Address["family"] {
  return key.kind === "mark" ? key.family : key.address.family;
}
