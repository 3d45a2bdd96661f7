/**
 * What marks a ruleset gives, as a list of which the first that holds counts. All packets are walked through the rules at once, as a list of
 * cases: a packet is of the first case that holds it. A rule cuts from each case what it is about and puts that in front of it, changed. So
 * the last MARK wins where netfilter lets it, verdicts end the walk, and what a rule excepts is cut off before.
 */

import { common, EVERY_PACKET, holds, type Packets, textOf } from "./packets.ts";
import { ALL_BITS, type BaseChain, type Deed, type Rule, type Ruleset } from "./ruleset.ts";

export interface Marked {
  readonly packets: Packets;
  /** 0: none. UNKNOWN: a target that is not understood may have given one. */
  readonly mark: number;
}

/** Rules that give too many different answers to be followed. */
export class Overgrown extends Error {}

export const UNKNOWN = -1;

/** A packet that was dropped. */
const GONE = -1;
/** Of a packet that is on its way from one base chain to the next. */
const BETWEEN = 0;
/** Chains within chains. */
const DEPTH_MAX = 64;
const CASES_MAX = 4096;
/** Not worth to be put in order. */
const FEW_CASES = 16;
/** Questions to pairs of sets: a second or so. */
const WORK_MAX = 10_000_000;

/** What several walks may take together. */
export class Patience {
  #left = WORK_MAX;

  spend(work: number): void {
    this.#left -= work;
    if (this.#left < 0) throw new Overgrown("there are too many rules");
  }
}

/** A rule that cannot be judged holds for nothing, but for the one that is assumed to hold for all that it may be about. */
export function walk(ruleset: Ruleset, patience: Patience, assumed?: Rule): readonly Marked[] {
  const course = new Course(ruleset, patience, assumed);
  for (const base of ruleset.bases) course.enter(base);
  return course.marked();
}

interface Case extends Marked {
  /** The depth of the chain that it is in. */
  readonly at: number;
}

class Course {
  readonly #ruleset: Ruleset;
  readonly #assumed: Rule | undefined;
  #cases: readonly Case[] = [{ packets: EVERY_PACKET, mark: 0, at: BETWEEN }];
  /** How many there were when they were last in order. */
  #tidied = 1;
  readonly #patience: Patience;

  constructor(ruleset: Ruleset, patience: Patience, assumed: Rule | undefined) {
    this.#ruleset = ruleset;
    this.#patience = patience;
    this.#assumed = assumed;
  }

  enter({ chain, packets, policy }: BaseChain): void {
    const rule: Rule = { text: "", packets: [packets], except: [], marked: [], deeds: [{ kind: "jump", chain }] };
    this.#meet(rule, BETWEEN, BETWEEN);
    this.#chain(chain, BETWEEN + 1, policy === "accept" ? BETWEEN : GONE);
    this.#tidy();
  }

  /** What is dropped has no mark, so that it is left to netfilter to drop it. */
  marked(): readonly Marked[] {
    this.#cases = this.#cases.map((each) => (each.at === GONE ? { ...each, mark: 0, at: BETWEEN } : each));
    this.#tidy();
    // Where no rule holds, there is no mark either.
    return this.#cases.slice(0, this.#cases.findLastIndex(({ mark }) => mark !== 0) + 1);
  }

  /** Those that come to its end go on at `back`. */
  #chain(name: string, depth: number, back: number): void {
    if (depth > DEPTH_MAX) throw new Overgrown("chains jump to chains without end");
    for (const rule of this.#ruleset.chains.get(name) ?? []) {
      this.#patience.spend(1 + this.#cases.length / 16);
      if (!this.#cases.some(({ at }) => at === depth)) return;
      if (rule.obstacle !== undefined && rule !== this.#assumed) continue;
      if (!this.#meet(rule, depth, back)) continue;
      const verdict = verdictOf(rule.deeds);
      if (verdict?.kind === "jump") this.#chain(verdict.chain, depth + 1, depth);
      if (verdict?.kind === "goto") this.#chain(verdict.chain, depth + 1, back);
    }
    this.#cases = this.#cases.map((each) => (each.at === depth ? { ...each, at: back } : each));
  }

  /** Whether there was a packet that it is about. */
  #meet(rule: Rule, depth: number, back: number): boolean {
    const after = effectOf(rule.deeds, depth, back);
    const found: Case[] = [];
    let met = false;
    // From the last to the first, and each group with what is cut from it turned round.
    for (let i = this.#cases.length - 1; i >= 0; i--) {
      const last = this.#cases[i];
      if (last === undefined) break;
      if (last.at !== depth || !isMarked(rule, last)) {
        found.push(last);
        continue;
      }
      // What comes out the same of all is cut from all at once, where the last of them holds the others.
      const group = [last];
      for (let before = this.#cases[i - 1]; after.same && rule.except.length === 0; before = this.#cases[i - 1]) {
        this.#patience.spend(1);
        if (before === undefined || before.at !== depth || !isMarked(rule, before) || !holds(last.packets, before.packets)) break;
        group.push(before);
        i--;
      }
      const changed = after.of(last);
      const touches = ({ packets }: Case) => rule.packets.some((each) => common(each, packets) !== undefined);
      if (changed.mark === last.mark && changed.at === last.at && !group.slice(1).some(touches)) {
        this.#patience.spend(group.length * rule.packets.length);
        found.push(...group);
        continue;
      }
      const cut = widest(rule.packets.flatMap((packets) => common(packets, last.packets) ?? []));
      const kept = widest(cut.flatMap((packets) => rule.except.flatMap((each) => common(each, packets) ?? [])));
      this.#patience.spend(rule.packets.length ** 2 + (cut.length * rule.except.length) ** 2);
      if (cut.every((packets) => kept.some((each) => holds(each, packets)))) {
        found.push(...group);
        continue;
      }
      met = true;
      const whole = kept.length === 0 && cut.some((packets) => holds(packets, last.packets));
      if (whole) found.push(changed);
      else
        found.push(
          ...group,
          ...cut.toReversed().map((packets) => ({ ...changed, packets })),
          ...kept.toReversed().map((packets) => ({ ...last, packets })),
        );
      if (found.length > CASES_MAX) throw new Overgrown("too many rules overlap");
    }
    if (met) this.#cases = found.toReversed();
    if (this.#cases.length > 2 * this.#tidied + FEW_CASES) this.#tidy();
    return met;
  }

  #tidy(): void {
    this.#cases = tidied(this.#cases, (one, other) => one.mark === other.mark && one.at === other.at, this.#patience);
    this.#tidied = this.#cases.length;
  }
}

/** Without those that an earlier one holds. */
function widest(list: readonly Packets[]): readonly Packets[] {
  return list.length < 2 ? list : list.filter((each, i) => !list.slice(0, i).some((earlier) => holds(earlier, each)));
}

/** What becomes of a case; `same`: whatever mark it had. */
function effectOf(deeds: readonly Deed[], depth: number, back: number): { readonly of: (before: Case) => Case; readonly same: boolean } {
  const verdict = verdictOf(deeds)?.kind;
  const at = verdict === undefined ? depth : { accept: BETWEEN, drop: GONE, return: back, jump: depth + 1, goto: depth + 1 }[verdict];
  const of = (before: Case): Case => ({ ...before, mark: at === GONE ? 0 : deeds.reduce(markAfter, before.mark), at });
  return { of, same: at === GONE || deeds.some((deed) => deed.kind === "unknown" || (deed.kind === "mark" && deed.mask === ALL_BITS)) };
}

function verdictOf(deeds: readonly Deed[]): Exclude<Deed, { kind: "mark" | "unknown" }> | undefined {
  return deeds.find((deed) => deed.kind !== "mark" && deed.kind !== "unknown");
}

function markAfter(mark: number, deed: Deed): number {
  if (deed.kind === "unknown") return UNKNOWN;
  if (deed.kind !== "mark") return mark;
  if (deed.mask !== ALL_BITS && mark === UNKNOWN) return UNKNOWN;
  return ((mark & ~deed.mask) ^ deed.value) >>> 0;
}

function isMarked({ marked }: Rule, { mark }: Case): boolean {
  return marked.every(({ value, mask, not }) => ((mark & mask) >>> 0 === value) !== not);
}

/** The list without what no packet is of, and without what comes to the same as a later one. */
export function tidied<Each extends Marked>(
  list: readonly Each[],
  same: (one: Each, other: Each) => boolean,
  patience: Patience,
): readonly Each[] {
  // Is there a later one that holds all of it, and nothing else between them for its packets?
  const isTold = (each: Each, from: number): boolean => {
    for (const later of list.slice(from)) {
      patience.spend(1);
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

/** Two lists are the same where their texts are. */
export function textOfMarked(list: readonly Marked[]): string {
  return list.map(textOfOne).join("\n");
}

export function textOfOne({ packets, mark }: Marked): string {
  return `${mark} ${textOf(packets)}`;
}
