/**
 * One rule of nft's JSON. As with iptables' what is understood is what a mark rule can say, what is decided for every packet that may begin a
 * connection, and the mark; anything else is an obstacle. A map makes a rule of each of its entries.
 */

import { itemsOf, type Json, onlyPart, partOf, textIn } from "./json.ts";
import { type NamedSet, namedField, packetsWith, readField, valuesOf } from "./nft-field.ts";
import type { Packets } from "./packets.ts";
import { ALL_BITS, type Deed, type Rule, RuleDraft } from "./ruleset.ts";

export interface NftSurroundings {
  /** How the rule is called. */
  readonly text: string;
  /** Of the table's family. */
  readonly packets: Packets;
  /** How the ruleset calls a chain of the same table. */
  readonly chain: (name: string) => string;
  readonly set: NamedSet;
}

/** They leave the mark as it is, and the packet goes on. */
const LEAVES_THE_MARK = [
  "counter",
  "log",
  "notrack",
  "set",
  "map",
  "dup",
  "ct helper",
  "ct timeout",
  "ct expectation",
  "secmark",
  "flow",
  "last",
];
const OPERATORS = ["==", "!=", "in", "<", ">", "<=", ">="];

export function readNftRule(statements: readonly Json[], surroundings: NftSurroundings): Rule[] {
  const first = new RuleDraft(surroundings.text);
  first.only([surroundings.packets]);
  let drafts: readonly RuleDraft[] = [first];
  for (const statement of statements) {
    const [name = "", content] = onlyPart(statement) ?? [];
    drafts = drafts.flatMap((draft) => readStatement(draft, name, content, surroundings));
  }
  return drafts.map((draft) => draft.done());
}

/** What becomes of the draft: itself, or one for each entry of a map. */
function readStatement(draft: RuleDraft, name: string, content: Json, surroundings: NftSurroundings): readonly RuleDraft[] {
  const mapOf = markMap(name, content);
  if (name === "vmap" || mapOf !== undefined) return readMap(draft, mapOf ?? content, surroundings);
  if (name === "match") readMatch(draft, content, surroundings.set);
  else if (name === "mangle") readMangle(draft, content);
  else if (!LEAVES_THE_MARK.includes(name)) {
    const verdict = verdictOf(name, content, surroundings);
    if (verdict !== undefined) draft.act(verdict);
    else if (name === "tproxy" || name === "queue") draft.act({ kind: "unknown", what: name });
    // Whatever else there is asks something of the packet: limit, quota, xt, ...
    else draft.obstacle(name === "" ? "it cannot be understood" : name);
  }
  return [draft];
}

function verdictOf(name: string, content: Json, { chain }: NftSurroundings): Deed | undefined {
  switch (name) {
    case "accept":
    case "return":
    case "drop":
      return { kind: name };
    case "reject":
      return { kind: "drop" };
    case "continue":
      return { kind: "mark", value: 0, mask: 0 };
    case "jump":
    case "goto":
      return { kind: name, chain: chain(textIn(content, "target")) };
    default:
      return undefined;
  }
}

function readMatch(draft: RuleDraft, content: Json, set: NamedSet): void {
  const [op, left, right] = [textIn(content, "op"), partOf(content, "left"), partOf(content, "right")];
  const name = namedField(left);
  const not = op === "!=";
  // What a rule asks behind a statement does not undo that.
  if (draft.acts) {
    draft.obstacle(`${name} behind a statement`);
    return;
  }
  draft.only(packetsWith(left));
  if (name === "meta mark" && (op === "==" || not)) readMarkCondition(draft, { left, right, not });
  else if (name === "ct state" || name === "tcp flags") {
    const truth = holdsOfFirst({ present: name === "ct state" ? "new" : "syn", left, op, right });
    if (truth === undefined) draft.obstacle(name);
    else draft.constant(truth);
  } else if (!OPERATORS.includes(op)) draft.obstacle(name);
  else {
    const field = readField(left);
    const found = field === undefined ? undefined : valuesOf(field, op, right, set);
    if (found === undefined) draft.obstacle(name);
    else draft.only(found, not);
  }
}

function readMarkCondition(draft: RuleDraft, { left, right, not }: { left: Json; right: Json; not: boolean }): void {
  const mask = itemsOf(partOf(left, "&"))[1] ?? ALL_BITS;
  if (isMark(mask) && isMark(right) && (partOf(left, "meta") ?? partOf(left, "&")) !== undefined) draft.marked({ value: right, mask, not });
  else draft.obstacle("meta mark");
}

interface FlagsMatch {
  /** The one flag that the first packet of a connection has. */
  readonly present: string;
  readonly left: Json;
  readonly op: string;
  readonly right: Json;
}

/** Whether it is so of the first packet of a connection: its state is new, and of TCP's flags it has SYN alone. */
function holdsOfFirst({ present, left, op, right }: FlagsMatch): boolean | undefined {
  const mask = itemsOf(partOf(left, "&"))[1];
  const kept = mask === undefined || flagsOf(mask)?.includes(present);
  const flags = kept ? [present] : [];
  const asked = (partOf(right, "set") === undefined ? [right] : itemsOf(partOf(right, "set")))
    .map(flagsOf)
    .filter((each) => each !== undefined);
  if (asked.length === 0) return undefined;
  const equal = asked.some((each) => each.length === flags.length && each.every((flag) => flags.includes(flag)));
  const meets = asked.some((each) => each.some((flag) => flags.includes(flag)));
  return new Map([
    ["==", equal],
    ["!=", !equal],
    ["in", meets],
    ["!", !meets],
  ]).get(op);
}

/** "syn", ["syn", "ack"], { "|": ["syn", "ack"] }, 0. */
function flagsOf(value: Json): readonly string[] | undefined {
  if (value === 0) return [];
  if (typeof value === "string") return [value];
  const parts = (Array.isArray(value) ? value : itemsOf(partOf(value, "|"))).map(flagsOf);
  const known = parts.filter((each) => each !== undefined);
  return parts.length > 0 && known.length === parts.length ? known.flat() : undefined;
}

function readMangle(draft: RuleDraft, content: Json): void {
  const key = namedField(partOf(content, "key"));
  if (key === "meta mark") draft.act(markOf(partOf(content, "value")) ?? { kind: "unknown", what: "a computed mark" });
  // A changed header is for another service, perhaps.
  else if (!key.startsWith("ct ") && !key.startsWith("meta ")) draft.act({ kind: "unknown", what: `set ${key}` });
}

/** N; mark | N, mark & N, mark ^ N; (mark & N) | M; and the connection's mark, which is 0 when it begins. */
function markOf(value: Json): Deed | undefined {
  const set = (newValue: number, mask: number): Deed => ({ kind: "mark", value: newValue >>> 0, mask: mask >>> 0 });
  if (isMark(value)) return set(value, ALL_BITS);
  if (namedField(value) === "ct mark" && partOf(value, "ct") !== undefined) return set(0, ALL_BITS);
  const [operator, operands] = onlyPart(value) ?? [];
  const [before, number] = itemsOf(operands);
  if (!isMark(number) || operator === undefined) return undefined;
  const kept = bitsKept(before);
  if (kept === undefined) return undefined;
  switch (operator) {
    case "&":
      return set(0, ~(kept & number));
    case "|":
      return set(number, ~kept | number);
    case "^":
      return set(number, ~kept);
    default:
      return undefined;
  }
}

/** Of the packet's mark. */
function bitsKept(value: Json): number | undefined {
  if (textIn(partOf(value, "meta"), "key") === "mark") return ALL_BITS;
  const [inner, mask] = itemsOf(partOf(value, "&"));
  return textIn(partOf(inner, "meta"), "key") === "mark" && isMark(mask) ? mask : undefined;
}

function markMap(name: string, content: Json): Json {
  return name === "mangle" && namedField(partOf(content, "key")) === "meta mark" ? partOf(partOf(content, "value"), "map") : undefined;
}

/** `tcp dport vmap { 80 : jump web }`, `meta mark set tcp dport map { 80 : 1 }` */
function readMap(draft: RuleDraft, map: Json, surroundings: NftSurroundings): readonly RuleDraft[] {
  const key = partOf(map, "key");
  const data = partOf(map, "data");
  const entries = typeof data === "string" ? surroundings.set(data) : itemsOf(partOf(data, "set"));
  const branches = entries?.map((entry) => {
    const [value, result] = itemsOf(entry);
    const branch = draft.branch();
    readMatch(branch, { op: "==", left: key, right: value }, surroundings.set);
    branch.act(
      (isMark(result) ? markOf(result) : verdictOf(...(onlyPart(result) ?? (["", undefined] as const)), surroundings)) ?? {
        kind: "unknown",
        what: "a map",
      },
    );
    return branch;
  });
  if (branches !== undefined) return branches;
  draft.act({ kind: "unknown", what: "a map" });
  return [draft];
}

function isMark(value: Json): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= ALL_BITS;
}
