/** What an operator says about servers beside the configuration: kept apart from it, shown as such, and kept over reload and restart. */

import type { ServerName, ServiceName } from "./edit.ts";

export type OverrideWish =
  /** No new connections; those there are may finish until the deadline, then they are cut. */
  | { readonly kind: "drain"; readonly deadlineMs?: number }
  /** In the place of the configured weight, and of the one that a check names. */
  | { readonly kind: "weight"; readonly weight: number }
  /** Out of the service at once, whatever its checks say; they go on. */
  | { readonly kind: "disable" };

/** One server has at most one: the last that was said. */
export interface Override {
  readonly service: ServiceName;
  readonly server: ServerName;
  readonly wish: OverrideWish;
  /** Wall clock, milliseconds. A drain's deadline counts from here, also over a restart. */
  readonly sinceMs: number;
  /** Who said it, as far as it is known: "uid 0", "token". */
  readonly by: string;
  readonly reason?: string;
}
