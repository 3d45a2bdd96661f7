/** Clients that go on asking the lab's web service until they are told to stop, and what became of every request. */

import type { LabOptions } from "../../src/lab/topology.ts";
import { sendHttp } from "../../src/lab/traffic.ts";
import type { Family } from "../../src/model/address.ts";

export interface Tally {
  readonly requests: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  /** By whom, and how often. */
  readonly servers: Readonly<Record<string, number>>;
}

export interface LoadWishes {
  readonly family: Family;
  readonly keepAlive: boolean;
  /** Of one process; it is followed by the next at once. */
  readonly requests?: number;
  readonly concurrency?: number;
}

/** Two kinds of clients in each family, side by side: on connections of their own, and on connections that live on. */
export const ALL_KINDS: readonly LoadWishes[] = (["ipv4", "ipv6"] as const).flatMap((family) => [
  { family, keepAlive: false },
  { family, keepAlive: true },
]);

export class Load {
  readonly #done: Promise<readonly Tally[]>;
  #wanted = true;
  #requests = 0;

  constructor(lab: LabOptions, kinds: readonly LoadWishes[]) {
    this.#done = Promise.all(kinds.map((kind) => this.#goOn(lab, kind)));
  }

  /** So many have been asked and are over: of those under way nothing is known yet. */
  get requests(): number {
    return this.#requests;
  }

  /** What is under way comes to its end. */
  async stop(): Promise<Tally> {
    this.#wanted = false;
    return (await this.#done).reduce(added);
  }

  async #goOn(lab: LabOptions, { family, keepAlive, requests = 500, concurrency = 4 }: LoadWishes): Promise<Tally> {
    let total: Tally = { requests: 0, failed: 0, errors: {}, servers: {} };
    do {
      const result = await sendHttp({ ...lab, family }, { requests, concurrency, keepAlive });
      total = added(total, result);
      this.#requests += result.requests;
    } while (this.#wanted);
    return total;
  }
}

function added(one: Tally, other: Tally): Tally {
  return {
    requests: one.requests + other.requests,
    failed: one.failed + other.failed,
    errors: addedCounts(one.errors, other.errors),
    servers: addedCounts(one.servers, other.servers),
  };
}

function addedCounts(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

export function tell({ requests, failed, errors }: Tally): string {
  const kinds = Object.entries(errors).map(([error, times]) => `${times} ${error}`);
  return `${requests} requests, ${failed} failed${kinds.length === 0 ? "" : ` (${kinds.join(", ")})`}`;
}
