/** Rules that are walked for all packets at once give each packet the mark that netfilter gives it when it walks them for that one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../model/address.ts";
import { type Case, Patience } from "./cases.ts";
import { common, holds, type Packets, withPrefix } from "./packets.ts";
import type { BaseChain, Deed, MarkCondition, Rule, Ruleset } from "./ruleset.ts";
import { walk } from "./walk.ts";

const prefix = (text: string, length: number) => withPrefix("source", { address: parseAddress(text), length });
/** Few and overlapping, so that rules meet. */
const ALL_PACKETS: readonly Packets[] = [
  {},
  { family: "ipv4" },
  { family: "ipv6" },
  { protocol: "tcp" },
  { protocol: "udp" },
  { interfaceName: "eth0" },
  { ports: { first: 80, last: 80 } },
  { protocol: "tcp", ports: { first: 80, last: 90 } },
  { ports: { first: 85, last: 65_535 } },
  prefix("10.0.0.0", 8),
  prefix("10.1.0.0", 16),
  prefix("2001:db8::", 32),
];
/** Single packets: all that those sets tell apart. */
const PACKETS: readonly Packets[] = ["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1", "2001:db9::1"].flatMap((source) =>
  (["tcp", "udp"] as const).flatMap((protocol) =>
    [79, 80, 86, 91].flatMap((port) =>
      ["eth0", "eth1"].map((interfaceName) => {
        const address = parseAddress(source);
        const length = address.family === "ipv4" ? 32 : 128;
        return { ...withPrefix("source", { address, length }), protocol, ports: { first: port, last: port }, interfaceName };
      }),
    ),
  ),
);

const CHAINS = ["base", "later", "one", "two"];
const USER_CHAINS = { one: ["two"], two: [], base: ["one", "two"], later: ["one", "two"] };

const packets = fc.array(fc.constantFrom(...ALL_PACKETS), { minLength: 1, maxLength: 2 });
const bits = fc.constantFrom(0, 1, 2, 3, 0xffff_ffff);
const condition: fc.Arbitrary<MarkCondition> = fc.record({ value: fc.constantFrom(0, 1, 2), mask: bits, not: fc.boolean() });
const mark: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant("mark"),
  value: fc.constantFrom(0, 1, 2, 3),
  mask: fc.oneof({ weight: 3, arbitrary: fc.constant(0xffff_ffff) }, { weight: 1, arbitrary: bits }),
});
const verdict = (chain: keyof typeof USER_CHAINS): fc.Arbitrary<Deed> =>
  fc.oneof(
    fc.constantFrom<Deed>({ kind: "accept" }, { kind: "drop" }, { kind: "return" }),
    ...USER_CHAINS[chain].map((name) => fc.constantFrom<Deed>({ kind: "jump", chain: name }, { kind: "goto", chain: name })),
  );
const ruleOf = (chain: keyof typeof USER_CHAINS): fc.Arbitrary<Rule> =>
  fc.record({
    text: fc.constant(""),
    packets,
    except: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: packets }),
    marked: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(condition, { maxLength: 2 }) }),
    deeds: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(mark) },
      { weight: 2, arbitrary: fc.tuple(verdict(chain)) },
      { weight: 1, arbitrary: fc.tuple(mark, verdict(chain)) },
    ),
  });
const obstructed = (chain: keyof typeof USER_CHAINS): fc.Arbitrary<Rule> => ruleOf(chain).map((rule) => ({ ...rule, obstacle: "-m set" }));
const rulesOf = (chain: keyof typeof USER_CHAINS, obstacles: number) =>
  fc.array(fc.oneof({ weight: 6, arbitrary: ruleOf(chain) }, { weight: obstacles, arbitrary: obstructed(chain) }), { maxLength: 6 });
const rulesets = (obstacles: number): fc.Arbitrary<Ruleset> =>
  fc
    .record({
      base: rulesOf("base", obstacles),
      later: rulesOf("later", obstacles),
      one: rulesOf("one", obstacles),
      two: rulesOf("two", obstacles),
      policy: fc.constantFrom<BaseChain["policy"]>("accept", "accept", "drop"),
      family: fc.constantFrom<Packets>({}, { family: "ipv4" }),
    })
    .map(({ policy, family, ...chains }) => ({
      chains: new Map(Object.entries(chains)),
      bases: [
        { chain: "base", hook: "prerouting", priority: 0, packets: family, policy },
        { chain: "later", hook: "input", priority: 0, packets: {}, policy: "accept" },
      ],
    }));

test("the first case that holds a packet has the mark that netfilter would give it", () => {
  fc.assert(
    fc.property(rulesets(0), (ruleset) => {
      const list = walk(ruleset, new Patience());
      for (const packet of PACKETS) assert.equal(firstOf(list, packet)?.mark, alone(ruleset, packet), JSON.stringify({ packet, list }));
    }),
    { numRuns: 1000 },
  );
});

test("whatever a rule that cannot be judged would do to a packet, its case says so and names the rule", () => {
  fc.assert(
    fc.property(rulesets(1), (ruleset) => {
      const list = walk(ruleset, new Patience());
      const unjudged = [...ruleset.chains.values()].flat().filter(({ obstacle }) => obstacle !== undefined);
      for (const packet of PACKETS) {
        const found = firstOf(list, packet);
        assert.equal(found?.mark, alone(ruleset, packet));
        for (const rule of unjudged) {
          const mark = alone(ruleset, packet, rule);
          if (mark === found?.mark) continue;
          const told = found?.perhaps.some((fate) => fate.mark === mark && fate.because.includes(rule));
          assert.ok(told, JSON.stringify({ packet, mark, list }));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("what two sets have in common are the packets of both, and a set that holds another has all of its packets", () => {
  const of = (set: Packets) => PACKETS.filter((packet) => holds(set, packet));
  const each = ALL_PACKETS.flatMap((one) => ALL_PACKETS.map((other) => [one, other] as const));
  for (const [one, other] of each) {
    const both = common(one, other);
    assert.deepEqual(
      both === undefined ? [] : of(both),
      of(one).filter((packet) => of(other).includes(packet)),
    );
    assert.equal(
      holds(one, other),
      of(other).every((packet) => of(one).includes(packet)),
      JSON.stringify([one, other]),
    );
  }
});

function firstOf(list: readonly Case[], packet: Packets): Case | undefined {
  return list.find(({ packets }) => holds(packets, packet));
}

/** As netfilter does: one packet, rule by rule. Of the rules that cannot be judged only `assumed` holds. */
function alone({ bases, chains }: Ruleset, packet: Packets, assumed?: Rule): number {
  let now = 0;
  const run = (name: string): "accept" | "drop" | "return" => {
    assert.ok(CHAINS.includes(name));
    for (const rule of chains.get(name) ?? []) {
      const { packets, except, marked, obstacle, deeds } = rule;
      if (obstacle !== undefined && rule !== assumed) continue;
      if (!packets.some((each) => holds(each, packet)) || except.some((each) => holds(each, packet))) continue;
      if (!marked.every(({ value, mask, not }) => ((now & mask) >>> 0 === value) !== not)) continue;
      for (const deed of deeds) {
        if (deed.kind === "mark") now = ((now & ~deed.mask) ^ deed.value) >>> 0;
        if (deed.kind === "accept" || deed.kind === "drop" || deed.kind === "return") return deed.kind;
        if (deed.kind !== "jump" && deed.kind !== "goto") continue;
        const end = run(deed.chain);
        if (end !== "return" || deed.kind === "goto") return end;
      }
    }
    return "return";
  };
  for (const { chain, packets, policy } of bases) {
    if (!holds(packets, packet)) continue;
    const end = run(chain);
    if (end === "drop" || (end === "return" && policy === "drop")) return 0;
  }
  return now;
}
