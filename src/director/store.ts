/** What a director remembers over restarts. Implemented over SQLite (store/); a director whose disk fails goes on, and says so. */

import type { Edit } from "../model/edit.ts";
import type { Override } from "../model/override.ts";
import type { ConfigurationVersion } from "./director.ts";

export interface DirectorStore {
  /** What is wrong with the disk; undefined while all is well. */
  readonly trouble: string | undefined;
  overrides(): readonly Override[];
  /** All of them, in the place of what was there. */
  keepOverrides(overrides: readonly Override[]): void;
  /** Edits by hand that stand beside the configuration, in their order. */
  adopted(): readonly Edit[];
  keepAdopted(edits: readonly Edit[]): void;
  /** Newest first; bounded, the oldest go. */
  versions(): readonly ConfigurationVersion[];
  text(id: number): string | undefined;
  /** Becomes the present one (or the pending one); what was present is past. */
  addVersion(version: Omit<ConfigurationVersion, "id">, text: string): ConfigurationVersion;
  markVersion(id: number, state: ConfigurationVersion["state"]): void;
}
