/**
 * Whose number a service's index is. It is remembered after the service was deleted: when it comes back while connections of its servers
 * are left, it gets the same index, finds those servers again, and they their connections (IPVS's trash knows a server by its service's key).
 */

import { EvenkeelError } from "../model/error.ts";
import { Family, type ServiceKey } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";
import { keyText } from "./service-value.ts";

export class ServiceNames {
  readonly #path: PacketPath;
  /** Read when a service is first added: most processes only look. */
  #indexes: Map<string, number> | undefined;
  /** Where the search for an unused index begins. */
  #next = 0;

  constructor(path: PacketPath) {
    this.#path = path;
  }

  /** An index for a service, which has its name from now on. Neither one of a present service, nor of another one that is gone but has connections. */
  take(key: ServiceKey, { taken, left }: Readonly<Record<"taken" | "left", (index: number) => boolean>>): number {
    const indexes = this.#known();
    const former = indexes.get(keyText(key));
    const index = former !== undefined && !taken(former) ? former : this.#unused((each) => taken(each) || left(each));
    if (index === former) return index;
    const before = this.#path.maps.service_names.lookup(index);
    if (before !== undefined && indexes.get(keyText(before)) === index) indexes.delete(keyText(before));
    this.#path.maps.service_names.update(index, key);
    indexes.set(keyText(key), index);
    return index;
  }

  /** Whose name it is, or was; undefined: nobody's. */
  indexOf(key: ServiceKey): number | undefined {
    return this.#known().get(keyText(key));
  }

  /** undefined: it was never anybody's. */
  nameOf(index: number): ServiceKey | undefined {
    const key = this.#path.maps.service_names.lookup(index);
    return key?.family === Family.NONE ? undefined : key;
  }

  #known(): Map<string, number> {
    this.#indexes ??= new Map(
      [...this.#path.maps.service_names.entries()]
        .filter(([, { family }]) => family !== Family.NONE)
        .map(([index, key]) => [keyText(key), index]),
    );
    return this.#indexes;
  }

  #unused(used: (index: number) => boolean): number {
    const { maxEntries } = this.#path.maps.service_names;
    for (let i = 0; i < maxEntries; i++) {
      const index = (this.#next + i) % maxEntries;
      if (used(index)) continue;
      this.#next = index + 1;
      return index;
    }
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${maxEntries} services and has no room for another`);
  }
}
