/** What `iptables-save -t mangle` and `ip6tables-save -t mangle` print, to the rules of packets that come in. */

import type { Family } from "../../model/address.ts";
import { readIptablesRule } from "./iptables-rule.ts";
import { wordsOf } from "./iptables-words.ts";
import type { BaseChain, Rule, Ruleset } from "./ruleset.ts";

export interface Saved {
  readonly family: Family;
  /** No other text's; it becomes a part of its chains' names. */
  readonly name: string;
  readonly text: string;
}

/** The one table in which MARK is used. */
const TABLE = "*mangle";
/** NF_IP_PRI_MANGLE (include/uapi/linux/netfilter_ipv4.h) */
const PRIORITY = -150;
const HOOKS = { PREROUTING: "prerouting", INPUT: "input" } as const;

export function readIptablesSave({ family, name, text }: Saved): Ruleset {
  const key = (chain: string) => `${name} ${chain}`;
  const lines = linesOfTable(text);
  const policies = new Map(lines.flatMap((line) => (line.startsWith(":") ? [policyOf(line)] : [])));
  const chains = new Map<string, Rule[]>([...policies.keys()].map((chain) => [key(chain), []]));
  const userChains = new Map([...policies.keys()].flatMap((chain) => (Object.hasOwn(HOOKS, chain) ? [] : [[chain, key(chain)]])));
  for (const line of lines) {
    const words = wordsOf(line.replace(/^\[\d+:\d+\] /, ""));
    const [command, chain] = words;
    if (command?.text !== "-A" || chain === undefined) continue;
    const text = line.slice(line.indexOf("-A "));
    const rule = readIptablesRule(text, words.slice(2), { family, userChains });
    const rules = chains.get(key(chain.text));
    if (rules === undefined) chains.set(key(chain.text), [rule]);
    else rules.push(rule);
  }
  return {
    chains,
    bases: Object.entries(HOOKS).map(([chain, hook]): BaseChain => {
      return {
        chain: key(chain),
        hook,
        priority: PRIORITY,
        packets: { family },
        policy: policies.get(chain) === "DROP" ? "drop" : "accept",
      };
    }),
  };
}

function linesOfTable(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const start = lines.indexOf(TABLE);
  if (start < 0) return [];
  const end = lines.indexOf("COMMIT", start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

/** ":PREROUTING ACCEPT [0:0]" */
function policyOf(line: string): readonly [string, string] {
  const [chain = "", policy = ""] = line.slice(1).split(" ");
  return [chain, policy];
}
