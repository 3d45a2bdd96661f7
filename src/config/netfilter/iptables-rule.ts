/**
 * One rule as iptables-save prints it. What is understood is what a mark rule can say, what is decided for every packet that may begin a
 * connection, and the mark; anything else is an obstacle, by its name.
 */

import type { Family } from "../../model/address.ts";
import { PROTOCOLS, type Protocol } from "../../model/service.ts";
import { readPrefix, readRange } from "./address-text.ts";
import { readTarget } from "./iptables-target.ts";
import type { Word } from "./iptables-words.ts";
import { type Packets, toPorts, withPrefix } from "./packets.ts";
import { ALL_BITS, type Rule, RuleDraft, readMasked } from "./ruleset.ts";

export interface Surroundings {
  readonly family: Family;
  /** By their names, how the ruleset calls them. */
  readonly userChains: ReadonlyMap<string, string>;
}

type Option = (draft: RuleDraft, words: RuleWords) => void;

const NOT_UNDERSTOOD = "it cannot be understood";
const PROTOCOL_NUMBERS: ReadonlyMap<string, Protocol> = new Map([
  ["6", "tcp"],
  ["17", "udp"],
  ["132", "sctp"],
]);

export function readIptablesRule(text: string, line: readonly Word[], { family, userChains }: Surroundings): Rule {
  const draft = new RuleDraft(text);
  draft.only([{ family }]);
  const words = new RuleWords(line, () => draft.obstacle(NOT_UNDERSTOOD));
  let match = "";
  // The values of an option that is not understood are passed by.
  let lost = false;
  for (let name = words.option(); name !== undefined; name = words.option()) {
    if (name === "-j" || name === "-g") {
      const target = words.value();
      readTarget(draft, { target, options: words.rest(), userChain: userChains.get(target), jump: name === "-j" });
      break;
    }
    const option = GENERAL.get(name) ?? OPTIONS.get(match)?.get(name);
    if (name === "-m") {
      match = words.value();
      lost = !OPTIONS.has(match);
      if (match === "rpfilter") readReversePath(draft, words.rest());
      else if (lost) draft.obstacle(`-m ${match}`);
    } else if (option !== undefined) option(draft, words);
    else if (name.startsWith("-") && (match === "" || OPTIONS.has(match))) {
      lost = true;
      draft.obstacle(name);
    } else if (!lost) draft.obstacle(NOT_UNDERSTOOD);
  }
  return draft.done();
}

/** A rule's words, one after the other. */
class RuleWords {
  readonly #words: readonly Word[];
  readonly #missing: () => void;
  #next = 0;
  /** Whether the option stands behind a "!". */
  not = false;

  constructor(words: readonly Word[], missing: () => void) {
    this.#words = words;
    this.#missing = missing;
  }

  /** Undefined: that was all. A word in quotes is none: "". */
  option(): string | undefined {
    this.not = false;
    this.#negation();
    const word = this.#words[this.#next++];
    return word?.quoted === true ? "" : word?.text;
  }

  value(): string {
    // Of old it stood here.
    this.#negation();
    const word = this.#words[this.#next++];
    if (word === undefined) this.#missing();
    return word?.text ?? "";
  }

  rest(): readonly Word[] {
    return this.#words.slice(this.#next);
  }

  #negation(): void {
    const word = this.#words[this.#next];
    if (word?.quoted !== false || word.text !== "!") return;
    this.not = true;
    this.#next++;
  }
}

const GENERAL: ReadonlyMap<string, Option> = new Map<string, Option>([
  ["-s", addressOption("source", "-s")],
  ["-d", addressOption("destination", "-d")],
  ["-i", interfaceOption],
  ["-p", protocolOption],
  // Later fragments begin no connection.
  ["-f", (draft, { not }) => draft.constant(false, not)],
]);

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

/** By match; those of others are skipped with them. */
const OPTIONS: ReadonlyMap<string, ReadonlyMap<string, Option>> = new Map([
  [
    "tcp",
    options(
      ["--dport", ports],
      ["--sport", sourcePorts],
      ["--tcp-flags", tcpFlags],
      ["--syn", (draft, { not }) => draft.constant(true, not)],
    ),
  ],
  ["udp", options(["--dport", ports], ["--sport", sourcePorts])],
  ["sctp", options(["--dport", ports], ["--sport", sourcePorts])],
  ["multiport", options(["--dports", ports])],
  ["comment", options(["--comment", (_draft, words) => void words.value()])],
  ["mark", options(["--mark", markOption])],
  ["conntrack", options(["--ctstate", onlyNew])],
  ["state", options(["--state", onlyNew])],
  ["iprange", options(["--src-range", rangeOption("source", "--src-range")], ["--dst-range", rangeOption("destination", "--dst-range")])],
]);

function options(...entries: readonly (readonly [string, Option])[]): ReadonlyMap<string, Option> {
  return new Map(entries);
}

function interfaceOption(draft: RuleDraft, words: RuleWords): void {
  const interfaceName = words.value();
  if (interfaceName === "+") draft.constant(true, words.not);
  else if (interfaceName.endsWith("+")) draft.obstacle(`-i ${interfaceName}`);
  else draft.only([{ interfaceName }], words.not);
}

function protocolOption(draft: RuleDraft, words: RuleWords): void {
  const text = words.value().toLowerCase();
  if (text === "all" || text === "0") draft.constant(true, words.not);
  else draft.only(protocolOf(text), words.not);
}

function sourcePorts(draft: RuleDraft, words: RuleWords): void {
  if (words.value() === "0:65535") draft.constant(true, words.not);
  else draft.obstacle("--sport");
}

/** Of the flags, the first packet of a connection has SYN. */
function tcpFlags(draft: RuleDraft, words: RuleWords): void {
  const asked = flagsOf(words.value());
  const set = flagsOf(words.value());
  draft.constant(
    FLAGS.every((flag) => !asked.includes(flag) || set.includes(flag) === (flag === "SYN")),
    words.not,
  );
}

function markOption(draft: RuleDraft, words: RuleWords): void {
  const { value, mask = ALL_BITS } = readMasked(words.value()) ?? {};
  if (value === undefined) draft.obstacle("-m mark");
  else draft.marked({ value, mask, not: words.not });
}

function onlyNew(draft: RuleDraft, words: RuleWords): void {
  const states = words.value().split(",");
  draft.constant(states.includes("NEW"), words.not);
}

function addressOption(end: "source" | "destination", name: string): Option {
  return (draft, words) => {
    const prefix = readPrefix(words.value());
    if (prefix === undefined) draft.obstacle(name);
    else draft.only([withPrefix(end, prefix)], words.not);
  };
}

function rangeOption(end: "source" | "destination", name: string): Option {
  return (draft, words) => {
    const [first = "", last = first] = words.value().split("-");
    const prefixes = readRange(first, last);
    if (prefixes === undefined) draft.obstacle(name);
    else
      draft.only(
        prefixes.map((prefix) => withPrefix(end, prefix)),
        words.not,
      );
  };
}

/** "80", "80:90", "80,443,8000:8080". */
function ports(draft: RuleDraft, words: RuleWords): void {
  const text = words.value();
  const ranges = text.split(",").map((each): Packets | undefined => {
    const [, first = "", , last = first] = /^(\d{0,5})(:(\d{0,5}))?$/.exec(each) ?? [];
    const range = { first: Number(first), last: last === "" ? 65_535 : Number(last) };
    return each === "" || range.first > range.last || range.last > 65_535 ? undefined : toPorts(range.first, range.last);
  });
  if (ranges.includes(undefined)) draft.obstacle(`the ports ${text}`);
  else
    draft.only(
      ranges.filter((each) => each !== undefined),
      words.not,
    );
}

/** No service is for any other. */
function protocolOf(text: string): Packets[] {
  const protocol = PROTOCOL_NUMBERS.get(text) ?? PROTOCOLS.find((each) => each === text);
  return protocol === undefined ? [] : [{ protocol }];
}

function flagsOf(text: string): readonly string[] {
  return text === "ALL" ? FLAGS : text.split(",");
}

/** What fails it has a forged source: such a packet is for no service, marked or not. */
function readReversePath(draft: RuleDraft, rest: readonly Word[]): void {
  draft.constant(!rest.some(({ text, quoted }) => text === "--invert" && !quoted));
}
