/**
 * The marks that netfilter's rules would give, as mark rules of ours: its hooks come after the packet path's, which therefore never sees them.
 * There the last MARK that holds counts, here the first rule: netfilter/walk.ts. A rule that is about what no mark rule can say is
 * told where it matters to a service: where the marks would be others if it held for all that it may be about.
 */

import type { ServiceName } from "../model/edit.ts";
import type { MarkRule } from "../model/plane.ts";
import { Limits } from "../wire/abi.ts";
import { type Case, Overgrown, Patience, tidied } from "./netfilter/cases.ts";
import { readIptablesSave, type Saved } from "./netfilter/iptables-save.ts";
import { readNftRuleset } from "./netfilter/nft-ruleset.ts";
import { common, type Packets } from "./netfilter/packets.ts";
import { ALL_BITS, type Deed, type Rule, type Ruleset } from "./netfilter/ruleset.ts";
import { walk } from "./netfilter/walk.ts";

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
  doubtful: (marks: readonly number[], rule: string, why: string) =>
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
  const markFor: MarkFor = (mark, { family }) =>
    services.some((service) => service.mark === mark && (family === undefined || family === service.address.family)) ? mark : 0;
  try {
    const patience = new Patience();
    const cases = walk(reduced(joined(rules), new Set(services.map(({ mark = 0 }) => mark))), patience);
    const marked = needed(cases, markFor, patience);
    const complaints = doubtful(cases, markFor);
    if (marked.length > Limits.MARK_RULES_MAX) return { complaints: [...complaints, TEXT.nothing(TEXT.noRoom(marked.length))] };
    return { rules: marked, complaints };
  } catch (error) {
    if (error instanceof Overgrown) return { complaints: [TEXT.nothing(error.message)] };
    if (error instanceof SyntaxError) return { complaints: [TEXT.nothing(`nft's answer is not understood: ${error.message}`)] };
    throw error;
  }
}

/** The mark, if a service for such packets has it; else 0. */
type MarkFor = (mark: number, packets: Packets) => number;

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
function needed(cases: readonly Case[], markFor: MarkFor, patience: Patience): readonly MarkRule[] {
  const kept: { readonly mark: number; readonly packets: Packets }[] = [];
  for (const { packets, mark: given } of cases.toReversed()) {
    const mark = markFor(given, packets);
    patience.spend(kept.length);
    if (mark !== 0 || kept.some((later) => later.mark !== 0 && common(later.packets, packets) !== undefined)) kept.push({ packets, mark });
  }
  const list = tidied(kept.toReversed(), (one, other) => one.mark === other.mark, patience);
  return list.map(({ packets, mark }) => ({ mark, ...packets }));
}

/** Rules that may give services others marks than those that are taken over. */
function doubtful(cases: readonly Case[], markFor: MarkFor): string[] {
  const marksOf = new Map<Rule, Set<number>>();
  for (const { packets, mark, perhaps } of cases)
    for (const fate of perhaps) {
      const [one, other] = [markFor(mark, packets), markFor(fate.mark, packets)];
      if (one === other) continue;
      for (const rule of fate.because) marksOf.set(rule, (marksOf.get(rule) ?? new Set()).add(one).add(other));
    }
  const told = [...marksOf].map(([rule, marks]) => {
    const given = [...marks].filter((mark) => mark !== 0).toSorted((one, other) => one - other);
    return TEXT.doubtful(given, rule.text, rule.obstacle ?? "");
  });
  const lines = [...new Set(told)];
  return lines.length <= TOLD_MAX ? lines : [...lines.slice(0, TOLD_MAX), TEXT.more(lines.length - TOLD_MAX)];
}
