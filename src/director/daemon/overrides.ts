/** What operators have said about servers beside the configuration: in memory, and in the store at once. */

import type { Override, OverrideWish } from "../../model/override.ts";
import { serverName, serviceName } from "../../model/service.ts";
import type { DirectorStore } from "../store.ts";

export class Overrides {
  readonly #store: Pick<DirectorStore, "overrides" | "keepOverrides">;
  readonly #all: Map<string, Override>;

  constructor(store: Pick<DirectorStore, "overrides" | "keepOverrides">) {
    this.#store = store;
    this.#all = new Map(store.overrides().map((override) => [keyOf(override), override]));
  }

  get size(): number {
    return this.#all.size;
  }

  values(): readonly Override[] {
    return [...this.#all.values()];
  }

  of(service: string, server: string): Override | undefined {
    return this.#all.get(key(service, server));
  }

  readonly orderOf = (service: string, server: string): OverrideWish | undefined => this.of(service, server)?.wish;

  keep(overrides: readonly Override[]): void {
    if (overrides.length === 0) return;
    for (const override of overrides) this.#all.set(keyOf(override), override);
    this.#store.keepOverrides(this.values());
  }

  forget(overrides: readonly Override[]): void {
    if (overrides.length === 0) return;
    for (const override of overrides) this.#all.delete(keyOf(override));
    this.#store.keepOverrides(this.values());
  }
}

function keyOf({ service, server }: Override): string {
  return key(serviceName(service), serverName(server));
}

function key(service: string, server: string): string {
  return `${service} ${server}`;
}
