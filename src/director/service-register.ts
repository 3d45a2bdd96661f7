/** The services of a packet path by their names, and which indexes and sets of timeouts they have: known without a look at each of them. */

import type { ServiceName } from "../model/edit.ts";
import { serviceName } from "../model/service.ts";
import type { ServiceEntry } from "./service-entry.ts";

export class ServiceRegister {
  readonly #byName = new Map<string, ServiceEntry>();
  readonly #indexes = new Set<number>();
  /** How many services have each set. */
  readonly #timeouts = new Map<number, number>();

  get size(): number {
    return this.#byName.size;
  }

  /** In the order in which they were made. */
  values(): IterableIterator<ServiceEntry> {
    return this.#byName.values();
  }

  get(name: ServiceName): ServiceEntry | undefined {
    return this.#byName.get(serviceName(name));
  }

  /** A new one, or what became of one: it keeps its place. */
  set(entry: ServiceEntry): void {
    const name = serviceName(entry.head);
    this.#forget(this.#byName.get(name));
    this.#byName.set(name, entry);
    this.#indexes.add(entry.index);
    this.#timeouts.set(entry.timeouts, (this.#timeouts.get(entry.timeouts) ?? 0) + 1);
  }

  delete(entry: ServiceEntry): void {
    const name = serviceName(entry.head);
    this.#forget(this.#byName.get(name));
    this.#byName.delete(name);
  }

  hasIndex(index: number): boolean {
    return this.#indexes.has(index);
  }

  /** The sets of timeouts of all services but one. */
  timeoutSets(except: ServiceEntry | undefined): ReadonlySet<number> {
    const others = ([set, count]: readonly [number, number]) => count > (set === except?.timeouts ? 1 : 0);
    return new Set([...this.#timeouts].filter(others).map(([set]) => set));
  }

  #forget(entry: ServiceEntry | undefined): void {
    if (entry === undefined) return;
    this.#indexes.delete(entry.index);
    this.#timeouts.set(entry.timeouts, (this.#timeouts.get(entry.timeouts) ?? 0) - 1);
  }
}
