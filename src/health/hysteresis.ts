/**
 * One verdict is not yet an opinion: a server that is up goes down after `fall` failures in a row, one that is down comes up after `rise`
 * passes in a row. A server of which nothing is known serves nobody, and its first verdict decides.
 */

import type { Verdict } from "../model/health.ts";
import type { Machine } from "../model/machine.ts";

export interface HysteresisConfig {
  readonly rise: number;
  readonly fall: number;
  readonly initial: Condition;
}

export type Condition = "up" | "down" | "unknown";

export interface HysteresisState {
  readonly condition: Condition;
  /** Verdicts in a row that speak against the condition. */
  readonly against: number;
}

/** Checks that could not be made say nothing, and interrupt no row. */
export type HysteresisEvent = Verdict["outcome"];

export type HysteresisAction = { readonly kind: "rose" } | { readonly kind: "fell" };

export const hysteresis = {
  start({ initial }) {
    return { condition: initial, against: 0 };
  },

  step({ rise, fall }, state, outcome) {
    if (outcome === "unable") return { state, actions: [] };
    const says = outcome === "pass" ? "up" : "down";
    if (state.condition === says) return { state: { condition: says, against: 0 }, actions: [] };
    const against = state.against + 1;
    if (state.condition !== "unknown" && against < (says === "up" ? rise : fall)) return { state: { ...state, against }, actions: [] };
    return { state: { condition: says, against: 0 }, actions: [{ kind: says === "up" ? "rose" : "fell" }] };
  },

  deadlineMs: () => undefined,
} satisfies Machine<HysteresisConfig, HysteresisState, HysteresisEvent, HysteresisAction>;

/** Time to look more often: nothing is known yet, or what is known was contradicted. */
export function isUncertain({ condition, against }: HysteresisState): boolean {
  return condition === "unknown" || against > 0;
}
