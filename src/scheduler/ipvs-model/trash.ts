/**
 * Deleted servers. Each is kept while connections refer to it and two minutes more, so that a server that is deleted and
 * added again is the same one, with its counters and its connections.
 */

import { type Address, sameAddress } from "../../model/address.ts";
import type { Destination } from "./destination.ts";
import { type ServiceKey, sameKey } from "./service.ts";

const IDLE_MS = 120_000;
const ROUND_MS = IDLE_MS / 2;

interface Trashed {
  readonly service: ServiceKey;
  readonly destination: Destination;
  idleSinceMs: number | undefined;
}

export class Trash {
  #trashed: Trashed[] = [];
  #nextRoundMs = Number.POSITIVE_INFINITY;

  put(service: ServiceKey, destination: Destination, nowMs: number): void {
    if (this.#trashed.length === 0) this.#nextRoundMs = nowMs + ROUND_MS;
    this.#trashed.push({ service, destination, idleSinceMs: undefined });
  }

  /** The server that was deleted from the same service, out of the trash again. */
  take(service: ServiceKey, { address, port }: { readonly address: Address; readonly port: number }): Destination | undefined {
    const found = this.#trashed.find(
      (each) => each.destination.port === port && sameAddress(each.destination.address, address) && sameKey(each.service, service),
    );
    this.#trashed = this.#trashed.filter((each) => each !== found);
    return found?.destination;
  }

  /** A round each minute: the first that finds a server idle starts its two minutes. */
  advance(nowMs: number): void {
    for (; this.#nextRoundMs <= nowMs && this.#trashed.length > 0; this.#nextRoundMs += ROUND_MS) {
      const roundMs = this.#nextRoundMs;
      this.#trashed = this.#trashed.filter((each) => {
        if (each.destination.total > 0 || each.destination.persistent > 0) return true;
        each.idleSinceMs ??= roundMs;
        return roundMs < each.idleSinceMs + IDLE_MS;
      });
    }
    if (this.#trashed.length === 0) this.#nextRoundMs = Number.POSITIVE_INFINITY;
  }
}
