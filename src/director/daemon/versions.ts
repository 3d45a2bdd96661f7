/** The configurations that were applied: which one is present, which one waits to be confirmed, and which ones there were before. */

import { EvenkeelError } from "../../model/error.ts";
import type { ConfigurationVersion } from "../director.ts";
import type { DirectorStore } from "../store.ts";

type Store = Pick<DirectorStore, "versions" | "text" | "addVersion" | "markVersion">;

export const NONE: ConfigurationVersion = { id: 0, digest: "", file: "", appliedMs: 0, by: "", state: "present" };

export class Versions {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Newest first. */
  all(): readonly ConfigurationVersion[] {
    return this.#store.versions();
  }

  /** Throws NOT_FOUND. */
  get(id: number): { readonly version: ConfigurationVersion; readonly text: string } {
    const version = this.all().find((each) => each.id === id);
    const text = this.#store.text(id);
    if (version === undefined || text === undefined) {
      throw new EvenkeelError("NOT_FOUND", `there is no configuration ${id} in the history`, { cure: "evenkeel history lists them" });
    }
    return { version, text };
  }

  /** The one that is in force, confirmed or not. */
  present(): ConfigurationVersion | undefined {
    return this.all().find(({ state }) => state === "present" || state === "pending");
  }

  /** The one that undo goes back to. */
  before(id: number): ConfigurationVersion | undefined {
    return this.all().find((each) => each.id < id && each.state === "past");
  }

  /** The last one that was read from this file. */
  lastOf(file: string): ConfigurationVersion | undefined {
    return this.all().find((each) => each.file === file);
  }

  add(version: Omit<ConfigurationVersion, "id">, text: string): ConfigurationVersion {
    return this.#store.addVersion(version, text);
  }

  confirm(id: number): ConfigurationVersion {
    this.#store.markVersion(id, "present");
    return this.#known(id);
  }

  /** `from` was a mistake; `to` is present again. */
  goBack(from: number, to: number): ConfigurationVersion {
    this.#store.markVersion(from, "rolled-back");
    this.#store.markVersion(to, "present");
    return this.#known(to);
  }

  /** Without its text, which a disk that fails may keep from us: it is in force all the same. */
  #known(id: number): ConfigurationVersion {
    const version = this.all().find((each) => each.id === id);
    if (version === undefined) throw new RangeError(`there is no configuration ${id}`);
    return version;
  }
}
