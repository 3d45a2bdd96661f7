/** What a rule of iptables does: its target. */

import type { Word } from "./iptables-words.ts";
import { ALL_BITS, type Deed, type RuleDraft, readMasked, readNumber } from "./ruleset.ts";

export interface Target {
  readonly target: string;
  readonly options: readonly Word[];
  /** How the ruleset calls it, where it is one. */
  readonly userChain: string | undefined;
  /** It comes back; else goto. */
  readonly jump: boolean;
}

const VERDICTS: ReadonlyMap<string, "accept" | "drop" | "return"> = new Map([
  ["ACCEPT", "accept"],
  ["DROP", "drop"],
  ["RETURN", "return"],
]);

/** They leave the mark as it is, and the packet goes on. */
const LEAVES_THE_MARK =
  "AUDIT CHECKSUM CLASSIFY CONNSECMARK CT DSCP ECN HL IDLETIMER LED LOG NFLOG NOTRACK RATEEST SECMARK TCPMSS TCPOPTSTRIP TEE TOS TRACE TTL ULOG".split(
    " ",
  );

export function readTarget(draft: RuleDraft, { target, options, userChain, jump }: Target): void {
  const verdict = VERDICTS.get(target);
  if (userChain !== undefined) draft.act({ kind: jump ? "jump" : "goto", chain: userChain });
  else if (verdict !== undefined) draft.act({ kind: verdict });
  else if (!LEAVES_THE_MARK.includes(target)) draft.act(givesMark(target, options) ?? { kind: "unknown", what: `-j ${target}` });
}

function givesMark(target: string, options: readonly Word[]): Deed | undefined {
  const [name, value = ""] = options.map(({ text }) => text);
  if (target === "MARK") return options.length === 2 ? markOption(name ?? "", value) : undefined;
  if (target === "CONNMARK") return connectionMark(options.map(({ text }) => text));
  return undefined;
}

/** --set-mark and the others are forms of --set-xmark VALUE/MASK (iptables-extensions(8)). */
function markOption(name: string, text: string): Deed | undefined {
  const { value, mask } = readMasked(text) ?? {};
  if (value === undefined) return undefined;
  const set = (newValue: number, newMask: number): Deed => ({ kind: "mark", value: newValue >>> 0, mask: newMask >>> 0 });
  switch (name) {
    case "--set-xmark":
      return set(value, mask ?? ALL_BITS);
    case "--set-mark":
      return set(value, (mask ?? ALL_BITS) | value);
    case "--or-mark":
      return set(value, value);
    case "--and-mark":
      return set(0, ~value);
    case "--xor-mark":
      return set(value, 0);
    default:
      return undefined;
  }
}

/** The mark of a connection that begins is 0, so to restore it is to clear. To save it changes nothing. */
function connectionMark(options: readonly string[]): Deed | undefined {
  if (!options.includes("--restore-mark")) return { kind: "mark", value: 0, mask: 0 };
  const text = options[options.findIndex((each) => each === "--nfmask" || each === "--mask") + 1];
  const mask = options.includes("--nfmask") || options.includes("--mask") ? readNumber(text ?? "") : ALL_BITS;
  return mask === undefined ? undefined : { kind: "mark", value: 0, mask };
}
