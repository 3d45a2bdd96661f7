/**
 * The marks that netfilter's rules would give, as mark rules of ours: its hooks come after the packet path's, which therefore never sees them.
 * There the last MARK that holds counts, here the first rule: netfilter/walk.ts. A rule that is about what no mark rule can say is
 * told where it matters to a service: where the marks would be others if it held for all that it may be about.
 */

import type { ServiceName } from "../model/edit.ts";
import type { MarkRule } from "../model/plane.ts";
import { Limits } from "../wire/abi.ts";
import { readIptablesSave, type Saved } from "./netfilter/iptables-save.ts";
import { readNftRuleset } from "./netfilter/nft-ruleset.ts";
import { common } from "./netfilter/packets.ts";
import { ALL_BITS, type Deed, type Rule, type Ruleset } from "./netfilter/ruleset.ts";
import { type Marked, Overgrown, Patience, textOfMarked, textOfOne, tidied, walk } from "./netfilter/walk.ts";

/** What netfilter's tools print. */
export interface NetfilterRules {
  /** Of those in the same place the first come first. */
  readonly iptables: readonly Saved[];
  /** `nft -j list ruleset`, or each of its tables: what iptables prints is left out. */
  readonly nft: readonly string[];
}

export interface NetfilterMarks {
  /** Undefined: it cannot be said. */
  readonly rules?: readonly MarkRule[];
  /** What could not be taken over for a mark that a service has. */
  readonly complaints: readonly string[];
}

const TEXT = {
  obstructed: (marks: readonly number[], rule: string, why: string) =>
    `${marks.length === 1 ? "mark" : "marks"} ${marks.join(", ")}: netfilter's rule "${rule}" is not taken over, for ${why}; ` +
    "addresses, protocol, destination ports, interface and mark can be",
  more: (count: number) => `${count} more of netfilter's rules are not taken over`,
  nothing: (why: string) => `netfilter's rules for marks are not taken over: ${why}`,
  noRoom: (count: number) => `they come to ${count} mark rules, and there is room for ${Limits.MARK_RULES_MAX}`,
};

/** Rules that are told by name. */
const TOLD_MAX = 8;

/** For these services; what gives marks that none of them has is left out. */
export function netfilterMarks(rules: NetfilterRules, services: readonly ServiceName[]): NetfilterMarks {
  const wanted: Wanted = ({ mark, packets: { family } }) =>
    services.some((service) => service.mark === mark && mark !== 0 && (family === undefined || family === service.address.family));
  try {
    const ruleset = reduced(joined(rules), new Set(services.map(({ mark = 0 }) => mark)));
    const patience = new Patience();
    const marksWith = (assumed?: Rule) => needed(walk(ruleset, patience, assumed), wanted, patience);
    const marked = marksWith();
    const complaints = obstructions(ruleset, (rule) => changed(marked, marksWith(rule), wanted));
    if (marked.length > Limits.MARK_RULES_MAX) return { complaints: [...complaints, TEXT.nothing(TEXT.noRoom(marked.length))] };
    return { rules: marked.map(({ packets, mark }) => ({ mark, ...packets })), complaints };
  } catch (error) {
    if (error instanceof Overgrown) return { complaints: [TEXT.nothing(error.message)] };
    if (error instanceof SyntaxError) return { complaints: [TEXT.nothing(`nft's answer is not understood: ${error.message}`)] };
    throw error;
  }
}

type Wanted = (marked: Marked) => boolean;

function joined({ iptables, nft }: NetfilterRules): Ruleset {
  const rulesets = [...iptables.map(readIptablesSave), ...nft.map(readNftRuleset)];
  const order = (hook: "prerouting" | "input") =>
    rulesets
      .flatMap(({ bases }) => bases)
      .filter((base) => base.hook === hook)
      .toSorted((one, other) => one.priority - other.priority);
  return { bases: [...order("prerouting"), ...order("input")], chains: new Map(rulesets.flatMap(({ chains }) => [...chains])) };
}

/** Where no rule asks for marks, or changes some bits of one, all marks that no service has are one: none. */
function reduced(ruleset: Ruleset, wanted: ReadonlySet<number>): Ruleset {
  const all = [...ruleset.chains.values()].flat();
  const partial = (deed: Deed) => deed.kind === "mark" && deed.mask !== ALL_BITS && (deed.mask !== 0 || deed.value !== 0);
  if (all.some(({ marked, deeds }) => marked.length > 0 || deeds.some(partial))) return ruleset;
  const none = (deed: Deed): Deed => (deed.kind === "mark" && !wanted.has(deed.value) ? { ...deed, value: 0 } : deed);
  const less = (rule: Rule): Rule => ({ ...rule, deeds: rule.deeds.map(none) });
  return { ...ruleset, chains: new Map([...ruleset.chains].map(([name, rules]) => [name, rules.map(less)])) };
}

/** Those for services, and those that take something away from one that comes later. */
function needed(list: readonly Marked[], wanted: Wanted, patience: Patience): readonly Marked[] {
  const kept: Marked[] = [];
  for (const each of list.toReversed()) {
    const takesAway = () => kept.some((later) => wanted(later) && common(later.packets, each.packets) !== undefined);
    patience.spend(kept.length);
    if (wanted(each)) kept.push(each);
    else if (takesAway()) kept.push({ ...each, mark: 0 });
  }
  return tidied(kept.toReversed(), (one, other) => one.mark === other.mark, patience);
}

/** `marksOf`: the marks that would be given otherwise if the rule held for all that it may be about. */
function obstructions({ chains }: Ruleset, marksOf: (rule: Rule) => readonly number[]): string[] {
  const suspects = [...chains.values()].flat().filter(({ obstacle, deeds }) => deeds.length > 0 && obstacle !== undefined);
  const told: string[] = [];
  let [more, asked] = [0, 0];
  try {
    for (const rule of suspects) {
      const marks = marksOf(rule);
      asked++;
      if (marks.length === 0) continue;
      if (told.length < TOLD_MAX) told.push(TEXT.obstructed(marks, rule.text, rule.obstacle ?? ""));
      else more++;
    }
  } catch (error) {
    if (!(error instanceof Overgrown)) throw error;
    // Nobody has asked whether these matter.
    more += suspects.length - asked;
  }
  return more === 0 ? told : [...told, TEXT.more(more)];
}

function changed(before: readonly Marked[], after: readonly Marked[], wanted: Wanted): readonly number[] {
  if (textOfMarked(before) === textOfMarked(after)) return [];
  const [one, other] = [new Set(before.map(textOfOne)), new Set(after.map(textOfOne))];
  const both = [...before, ...after];
  const changes = both.filter((each) => !one.has(textOfOne(each)) || !other.has(textOfOne(each)));
  const marks = both.filter((each) => wanted(each) && changes.some(({ packets }) => common(packets, each.packets) !== undefined));
  return [...new Set(marks.map(({ mark }) => mark))].toSorted((a, b) => a - b);
}
