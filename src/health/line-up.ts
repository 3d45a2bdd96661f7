/** Who serves: the well servers, or, while these are too few, the sorry server. */

import type { QuorumState } from "./quorum.ts";
import type { EffectiveWeight } from "./weight.ts";

export interface LineUp {
  /** In the order of the configuration. */
  readonly servers: readonly EffectiveWeight[];
  /** Whether the sorry server serves. */
  readonly sorry: boolean;
}

/** Without a sorry server too few are better than none. Where it serves, well servers finish what they have and get nothing new. */
export function lineUp(servers: readonly EffectiveWeight[], quorum: QuorumState, hasSorryServer: boolean): LineUp {
  if (quorum === "up" || !hasSorryServer) return { servers, sorry: false };
  return { servers: servers.map((each) => (each.kind === "in" ? { kind: "in", weight: 0 } : each)), sorry: true };
}
