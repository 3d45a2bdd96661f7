/**
 * Whether the weight of a service's well servers is enough. A service that was up is lost when its weight falls below quorum - hysteresis, one
 * that was lost is up again from quorum + hysteresis on; between these it stays as it is. The first bringing up needs the quorum alone. As
 * keepalived's quorum.
 */

import type { Machine } from "../model/machine.ts";

export interface QuorumConfig {
  readonly quorum: number;
  /** Less than the quorum. */
  readonly hysteresis: number;
}

/** A service that never was up is "starting". */
export type QuorumState = "starting" | "up" | "lost";

export interface QuorumEvent {
  /** Of all servers that may serve. */
  readonly weight: number;
}

export type QuorumAction = { readonly kind: "quorum-gained" } | { readonly kind: "quorum-lost" };

export const quorum = {
  start: () => "starting" as QuorumState,

  step({ quorum: needed, hysteresis }, state, { weight }) {
    switch (state) {
      case "starting":
        return weight >= needed ? { state: "up", actions: [{ kind: "quorum-gained" }] } : { state, actions: [] };
      case "up":
        return weight < needed - hysteresis ? { state: "lost", actions: [{ kind: "quorum-lost" }] } : { state, actions: [] };
      case "lost":
        return weight >= needed + hysteresis ? { state: "up", actions: [{ kind: "quorum-gained" }] } : { state, actions: [] };
    }
  },

  deadlineMs: () => undefined,
} satisfies Machine<QuorumConfig, QuorumState, QuorumEvent, QuorumAction>;
