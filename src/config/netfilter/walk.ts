/**
 * All packets are walked through a ruleset at once. A rule cuts from each case what it is about and puts that in front of it, changed: so the
 * last MARK wins where netfilter lets it, verdicts end the way, and what a rule excepts is cut off before.
 */

import {
  afterStep,
  BETWEEN,
  type Case,
  GONE,
  isAt,
  isOverwritten,
  mapFates,
  Overgrown,
  type Patience,
  type Step,
  sameFates,
  tidied,
  verdictOf,
} from "./cases.ts";
import { common, EVERY_PACKET, holds, type Packets } from "./packets.ts";
import type { BaseChain, Rule, Ruleset } from "./ruleset.ts";

/** Chains within chains. */
const DEPTH_MAX = 64;
const CASES_MAX = 4096;
/** Not worth to be put in order. */
const FEW_CASES = 16;

/** The cases in the end: all of them BETWEEN, and what was dropped without a mark, so that it is left to netfilter to drop it. */
export function walk(ruleset: Ruleset, patience: Patience): readonly Case[] {
  const course = new Course(ruleset, patience);
  for (const base of ruleset.bases) course.enter(base);
  return course.end();
}

class Course {
  readonly #ruleset: Ruleset;
  readonly #patience: Patience;
  #cases: readonly Case[] = [{ packets: EVERY_PACKET, mark: 0, at: BETWEEN, perhaps: [] }];
  /** How many there were when they were last in order. */
  #tidied = 1;

  constructor(ruleset: Ruleset, patience: Patience) {
    this.#ruleset = ruleset;
    this.#patience = patience;
  }

  enter({ chain, packets, policy }: BaseChain): void {
    const rule: Rule = { text: "", packets: [packets], except: [], marked: [], deeds: [{ kind: "jump", chain }] };
    this.#meet({ rule, depth: BETWEEN, back: BETWEEN });
    this.#chain(chain, BETWEEN + 1, policy === "accept" ? BETWEEN : GONE);
    this.#tidy();
  }

  end(): readonly Case[] {
    this.#cases = this.#cases.map((each) => mapFates(each, (fate) => (fate.at === GONE ? { mark: 0, at: BETWEEN } : fate)));
    this.#tidy();
    return this.#cases;
  }

  /** Those that come to its end go on at `back`. */
  #chain(name: string, depth: number, back: number): void {
    if (depth > DEPTH_MAX) throw new Overgrown("chains jump to chains without end");
    for (const rule of this.#ruleset.chains.get(name) ?? []) {
      this.#patience.spend(1 + this.#cases.length / 16);
      if (!this.#cases.some((each) => isAt(each, depth))) return;
      if (!this.#meet({ rule, depth, back })) continue;
      const verdict = verdictOf(rule.deeds);
      if (verdict?.kind === "jump") this.#chain(verdict.chain, depth + 1, depth);
      if (verdict?.kind === "goto") this.#chain(verdict.chain, depth + 1, back);
    }
    this.#cases = this.#cases.map((each) =>
      isAt(each, depth) ? mapFates(each, ({ mark, at }) => ({ mark, at: at === depth ? back : at })) : each,
    );
  }

  /** Whether there was a packet that it is about. */
  #meet(step: Step): boolean {
    const found: Case[] = [];
    let met = false;
    // From the last to the first, and each group with what is cut from it turned round.
    for (let i = this.#cases.length - 1; i >= 0; i--) {
      const last = this.#cases[i];
      if (last === undefined) break;
      const after = afterStep(last, step);
      const group = [last, ...this.#alike(i, step)];
      i -= group.length - 1;
      const pieces = this.#cut(group, after, step.rule);
      met ||= pieces !== group;
      found.push(...pieces);
      if (found.length > CASES_MAX) throw new Overgrown("too many rules overlap");
    }
    if (!met) return false;
    this.#cases = found.toReversed();
    if (this.#cases.length > 2 * this.#tidied + FEW_CASES) this.#tidy();
    return true;
  }

  /** Cases before that one of which the rule makes the same, so that it cuts them all at once: where that one holds them. */
  #alike(place: number, step: Step): readonly Case[] {
    const alike: Case[] = [];
    const last = this.#cases[place];
    if (last === undefined || step.rule.except.length > 0 || !isOverwritten(last, step)) return alike;
    for (let i = place - 1; i >= 0; i--) {
      const before = this.#cases[i];
      this.#patience.spend(1);
      if (before === undefined || !isOverwritten(before, step) || !holds(last.packets, before.packets)) break;
      alike.push(before);
    }
    return alike;
  }

  /** What becomes of a group of cases, the last one first; the group itself: nothing. */
  #cut(group: readonly Case[], after: Case, { packets: wanted, except }: Rule): readonly Case[] {
    const [last] = group;
    if (last === undefined) return group;
    const touches = ({ packets }: Case) => wanted.some((each) => common(each, packets) !== undefined);
    this.#patience.spend(group.length * wanted.length);
    if (sameFates(after, last) && !group.slice(1).some(touches)) return group;
    const cut = widest(wanted.flatMap((packets) => common(packets, last.packets) ?? []));
    const kept = widest(cut.flatMap((packets) => except.flatMap((each) => common(each, packets) ?? [])));
    this.#patience.spend(wanted.length ** 2 + (cut.length * except.length) ** 2);
    if (cut.every((packets) => kept.some((each) => holds(each, packets)))) return group;
    if (kept.length === 0 && cut.some((packets) => holds(packets, last.packets))) return [after];
    const pieces = (list: readonly Packets[], of: Case) => list.toReversed().map((packets) => ({ ...of, packets }));
    return [...group, ...pieces(cut, after), ...pieces(kept, last)];
  }

  #tidy(): void {
    this.#cases = tidied(this.#cases, sameFates, this.#patience);
    this.#tidied = this.#cases.length;
  }
}

/** Without those that an earlier one holds. */
function widest(list: readonly Packets[]): readonly Packets[] {
  return list.length < 2 ? list : list.filter((each, i) => !list.slice(0, i).some((earlier) => holds(earlier, each)));
}
