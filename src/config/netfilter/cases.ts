/**
 * Packets on their way through netfilter's rules, as a list of cases: a packet is of the first case that holds it. What becomes of a case is
 * one fate; where a rule that cannot be judged may hold for it, there are others that it would have.
 */

import { common, holds, type Packets } from "./packets.ts";
import { ALL_BITS, type Deed, type MarkCondition, type Rule } from "./ruleset.ts";

/** Rules that give too many different answers to be followed. */
export class Overgrown extends Error {}

/** What a target that is not understood may have given. */
export const UNKNOWN_MARK = -1;

interface Fate {
  readonly mark: number;
  /** Where it is: the depth of its chain, or one of those below. */
  readonly at: number;
}

/** On its way from one base chain to the next. */
export const BETWEEN = 0;
/** Dropped. */
export const GONE = -1;

export interface Case extends Fate {
  readonly packets: Packets;
  /** None is as the case itself. */
  readonly perhaps: readonly Perhaps[];
}

interface Perhaps extends Fate {
  /** The rules that would have to hold. */
  readonly because: readonly Rule[];
}

const FATES_MAX = 32;
/** Questions to pairs of sets: a second or so. */
const WORK_MAX = 10_000_000;

/** What a walk may take. */
export class Patience {
  #left = WORK_MAX;

  spend(work: number): void {
    this.#left -= work;
    if (this.#left < 0) throw new Overgrown("there are too many rules");
  }
}

/** What a rule does to fates at its depth; those that come back go on at `back`. */
export interface Step {
  readonly rule: Rule;
  readonly depth: number;
  readonly back: number;
}

/** Whether some fate of the case is there. */
export function isAt({ at, perhaps }: Case, depth: number): boolean {
  return at === depth || perhaps.some((each) => each.at === depth);
}

/** Whether the rule changes it whole, whatever fates it has: nothing of before is left. */
export function isOverwritten(each: Case, { rule, depth }: Step): boolean {
  const all = rule.deeds.some((deed) => deed.kind === "drop" || (deed.kind === "mark" && deed.mask === ALL_BITS));
  return all && rule.obstacle === undefined && [each, ...each.perhaps].every((fate) => fate.at === depth && isMarked(rule.marked, fate));
}

/** The case, if it is one for which the rule's matches hold. */
export function afterStep(each: Case, step: Step): Case {
  const { rule, depth } = step;
  const meets = (fate: Fate) => fate.at === depth && isMarked(rule.marked, fate);
  const perhaps = each.perhaps.flatMap((fate): Perhaps[] => {
    if (!meets(fate)) return [fate];
    const { because } = fate;
    if (rule.obstacle === undefined) return [{ ...changed(fate, step), because }];
    return [fate, { ...changed(fate, step), because: because.includes(rule) ? because : [...because, rule] }];
  });
  if (!meets(each)) return withFate(each, each, perhaps);
  if (rule.obstacle === undefined) return withFate(each, changed(each, step), perhaps);
  return withFate(each, each, [{ ...changed(each, step), because: [rule] }, ...perhaps]);
}

/** All fates changed alike. */
export function mapFates(each: Case, change: (fate: Fate) => Fate): Case {
  return withFate(
    each,
    change(each),
    each.perhaps.map((fate) => ({ ...change(fate), because: fate.because })),
  );
}

export function sameFates(one: Case, other: Case): boolean {
  if (one === other) return true;
  if (!sameFate(one, other) || one.perhaps.length !== other.perhaps.length) return false;
  return one.perhaps.every((fate, i) => {
    const twin = other.perhaps[i];
    if (twin === undefined || !sameFate(fate, twin) || fate.because.length !== twin.because.length) return false;
    return fate.because.every((rule) => twin.because.includes(rule));
  });
}

interface Set {
  readonly packets: Packets;
}

/** The list without what no packet is of, and without what comes to the same as a later one. */
export function tidied<Each extends Set>(
  list: readonly Each[],
  same: (one: Each, other: Each) => boolean,
  patience: Patience,
): readonly Each[] {
  // Is there a later one that holds all of it, and nothing else between them for its packets?
  const isTold = (each: Each, from: number): boolean => {
    for (let i = from; i < list.length; i++) {
      const later = list[i];
      patience.spend(1);
      if (later === undefined) break;
      if (!same(later, each)) {
        if (common(later.packets, each.packets) !== undefined) return false;
      } else if (holds(later.packets, each.packets)) return true;
    }
    return false;
  };
  const kept: Each[] = [];
  for (const [i, each] of list.entries()) {
    patience.spend(kept.length);
    if (!kept.some(({ packets }) => holds(packets, each.packets)) && !isTold(each, i + 1)) kept.push(each);
  }
  return kept;
}

/** Fates that have become one count once. */
function withFate({ packets }: Case, { mark, at }: Fate, perhaps: readonly Perhaps[]): Case {
  const found: Perhaps[] = [];
  for (const fate of perhaps) {
    if (fate.mark === mark && fate.at === at) continue;
    const i = found.findIndex((other) => sameFate(other, fate));
    const twin = found[i];
    if (twin === undefined) found.push(fate);
    else found[i] = { ...twin, because: [...twin.because, ...fate.because.filter((rule) => !twin.because.includes(rule))] };
  }
  if (found.length > FATES_MAX) throw new Overgrown("there are too many that cannot be judged");
  return { packets, mark, at, perhaps: found };
}

function changed({ mark }: Fate, { rule, depth, back }: Step): Fate {
  const verdict = verdictOf(rule.deeds)?.kind;
  const at = verdict === undefined ? depth : { accept: BETWEEN, drop: GONE, return: back, jump: depth + 1, goto: depth + 1 }[verdict];
  return { mark: at === GONE ? 0 : rule.deeds.reduce(markAfter, mark), at };
}

export function verdictOf(deeds: readonly Deed[]): Exclude<Deed, { kind: "mark" | "unknown" }> | undefined {
  return deeds.find((deed) => deed.kind !== "mark" && deed.kind !== "unknown");
}

function markAfter(mark: number, deed: Deed): number {
  if (deed.kind === "unknown") return UNKNOWN_MARK;
  if (deed.kind !== "mark") return mark;
  if (deed.mask !== ALL_BITS && mark === UNKNOWN_MARK) return UNKNOWN_MARK;
  return ((mark & ~deed.mask) ^ deed.value) >>> 0;
}

function isMarked(conditions: readonly MarkCondition[], { mark }: Fate): boolean {
  return conditions.every(({ value, mask, not }) => ((mark & mask) >>> 0 === value) !== not);
}

function sameFate(one: Fate, other: Fate): boolean {
  return one.mark === other.mark && one.at === other.at;
}
