/**
 * What `nft -j list ruleset` prints (libnftables-json(5)), to the rules of packets that come in: those of the base chains of type filter at
 * prerouting and input. The tables of iptables-nft stand there too, under the names that iptables gives its chains; iptables-save knows them better.
 */

import { itemsOf, type Json, numberIn, partOf, textIn } from "./json.ts";
import { readNftRule } from "./nft-rule.ts";
import type { Packets } from "./packets.ts";
import type { BaseChain, Rule, Ruleset } from "./ruleset.ts";

/** bridge, arp and netdev have other hooks. */
const FAMILIES: ReadonlyMap<string, Packets> = new Map<string, Packets>([
  ["ip", { family: "ipv4" }],
  ["ip6", { family: "ipv6" }],
  ["inet", {}],
]);
const IPTABLES_TABLES = ["raw", "mangle", "nat", "filter", "security"];
const IPTABLES_CHAINS = ["PREROUTING", "INPUT"];

/** Throws SyntaxError for what is no JSON. */
export function readNftRuleset(text: string): Ruleset {
  const objects = itemsOf(partOf(JSON.parse(text), "nftables"));
  const sets = setsOf(objects);
  const chains = new Map<string, Rule[]>();
  for (const object of objects) {
    const rule = partOf(object, "rule");
    const [family, table, chain] = [textIn(rule, "family"), textIn(rule, "table"), textIn(rule, "chain")];
    const packets = FAMILIES.get(family);
    if (packets === undefined) continue;
    const read = readNftRule(itemsOf(partOf(rule, "expr")), {
      text: `nft rule ${family} ${table} ${chain} handle ${numberIn(rule, "handle") ?? "?"}`,
      packets,
      chain: (name) => keyOf(family, table, name),
      set: (name) => sets.get(keyOf(family, table, name.slice(1))),
    });
    const key = keyOf(family, table, chain);
    const rules = chains.get(key);
    if (rules === undefined) chains.set(key, [...read]);
    else rules.push(...read);
  }
  return { chains, bases: objects.flatMap((object) => baseOf(partOf(object, "chain"))) };
}

export interface NftTable {
  readonly family: string;
  readonly name: string;
}

/** Of `nft -j list chains`: the tables that have such base chains. Throws SyntaxError for what is no JSON. */
export function nftTables(text: string): NftTable[] {
  const chains = itemsOf(partOf(JSON.parse(text), "nftables")).map((object) => partOf(object, "chain"));
  const tables = chains
    .filter((chain) => baseOf(chain).length > 0)
    .map((chain) => [textIn(chain, "family"), textIn(chain, "table")] as const);
  return [...new Map(tables.map(([family, name]) => [keyOf(family, name, ""), { family, name }])).values()];
}

function baseOf(chain: Json): BaseChain[] {
  const [family, table, name] = [textIn(chain, "family"), textIn(chain, "table"), textIn(chain, "name")];
  const packets = FAMILIES.get(family);
  const hook = textIn(chain, "hook");
  if (packets === undefined || textIn(chain, "type") !== "filter" || (hook !== "prerouting" && hook !== "input")) return [];
  if (family !== "inet" && IPTABLES_TABLES.includes(table) && IPTABLES_CHAINS.includes(name)) return [];
  const policy = textIn(chain, "policy") === "drop" ? "drop" : "accept";
  return [{ chain: keyOf(family, table, name), hook, priority: numberIn(chain, "prio") ?? 0, packets, policy }];
}

/** Maps too, whose elements are pairs. */
function setsOf(objects: readonly Json[]): ReadonlyMap<string, readonly Json[]> {
  return new Map(
    objects.flatMap((object) => {
      const set = partOf(object, "set") ?? partOf(object, "map");
      if (set === undefined) return [];
      return [[keyOf(textIn(set, "family"), textIn(set, "table"), textIn(set, "name")), itemsOf(partOf(set, "elem"))] as const];
    }),
  );
}

function keyOf(family: string, table: string, name: string): string {
  return `nft ${family} ${table} ${name}`;
}
