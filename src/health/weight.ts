/** What a server is worth now: its configured weight, what it says of itself, whether it is well, and what an operator said of it. */

import type { Advice, Mode, NamedWeight } from "../model/health.ts";
import type { OverrideWish } from "../model/override.ts";
import { WEIGHT_MAX } from "../model/service.ts";

export interface WeightRule {
  /** As configured. */
  readonly weight: number;
  /** A sick server stays with weight 0, and its connections go on, instead of being taken out. */
  readonly inhibitOnFailure: boolean;
}

/** The last that was said of each. */
export interface Wishes {
  readonly weight?: NamedWeight;
  readonly mode?: Mode;
}

export type EffectiveWeight =
  /** In the service. Weight 0: those who are there may finish. */
  { readonly kind: "in"; readonly weight: number } | { readonly kind: "out" };

export function heed(wishes: Wishes, { weight, mode }: Advice): Wishes {
  return { ...wishes, ...(weight === undefined ? {} : { weight }), ...(mode === undefined ? {} : { mode }) };
}

/**
 * `wishes`: of each check that has heard some. The least weight of all counts. `order`: an operator's word goes above them and above the
 * configuration, but makes no sick server well.
 */
export function effectiveWeight(
  { weight, inhibitOnFailure }: WeightRule,
  isUp: boolean,
  wishes: readonly Wishes[],
  order?: OverrideWish,
): EffectiveWeight {
  if (order?.kind === "disable") return { kind: "out" };
  if (!isUp) return inhibitOnFailure ? { kind: "in", weight: 0 } : { kind: "out" };
  if (order?.kind === "drain") return { kind: "in", weight: 0 };
  if (order?.kind === "weight") return { kind: "in", weight: order.weight };
  return { kind: "in", weight: Math.min(...wishes.map((each) => wishedWeight(weight, each)), wishes.length === 0 ? weight : WEIGHT_MAX) };
}

export function sameWeight(one: EffectiveWeight, other: EffectiveWeight): boolean {
  return one.kind === "in" && other.kind === "in" ? one.weight === other.weight : one.kind === other.kind;
}

function wishedWeight(configured: number, { weight, mode }: Wishes): number {
  if (mode === "drain" || mode === "maintenance") return 0;
  if (weight === undefined) return configured;
  if (weight.kind === "absolute") return Math.min(weight.weight, WEIGHT_MAX);
  // As HAProxy: rounded up, so that only 0 % is nothing.
  return Math.min(Math.ceil((configured * weight.percent) / 100), WEIGHT_MAX);
}
