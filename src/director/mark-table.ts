/**
 * Mark rules in the packet path: in two banks, of which one is read while the other is written. settings.mark_rules says which, so that a
 * packet sees the old rules or the new ones.
 */

import { findLink, getLink } from "../kernel/links.ts";
import { type Address, addressFromBytes, type Family as FamilyName } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { prefixByte } from "../model/mark-rule.ts";
import type { MarkCounters, MarkRule, Prefix } from "../model/plane.ts";
import { Family, Limits, type MarkRule as MarkRuleEntry, markRuleCodec } from "../wire/abi.ts";
import { encoded } from "../wire/codec.ts";
import type { PacketPath } from "./packet-path.ts";
import { addressOf } from "./server-value.ts";
import { PROTOCOL_NUMBERS, protocolName } from "./service-value.ts";

const PORT_MAX = 65535;
const NO_ADDRESS = new Uint8Array(16);

/** The rules in force and how many packets each has marked. `word`: settings.mark_rules. */
export function readMarks(path: PacketPath, word: number): MarkCounters[] {
  return Array.from(entriesOf(path, word), ([index, entry]) => ({
    rule: ruleOf(entry),
    packets: path.maps.mark_hits.lookup(index) ?? 0n,
  }));
}

/** Writes the rules into the bank that nobody reads; the word by which they come into force. A rule that was there keeps its count. */
export function writeMarks(path: PacketPath, word: number, rules: readonly MarkRule[]): number {
  if (rules.length > Limits.MARK_RULES_MAX) {
    throw new EvenkeelError("LIMIT_REACHED", `the packet path has room for ${Limits.MARK_RULES_MAX} mark rules, not for ${rules.length}`, {
      cure: "join rules by prefixes or ranges of ports",
    });
  }
  const before = new Map([...entriesOf(path, word)].map(([index, entry]) => [textOf(entry), path.maps.mark_hits.lookup(index) ?? 0n]));
  const first = word >>> 16 === 0 ? Limits.MARK_RULES_MAX : 0;
  for (const [i, rule] of rules.entries()) {
    const entry = entryOf(rule);
    path.maps.mark_rules.update(first + i, entry);
    path.maps.mark_hits.update(first + i, before.get(textOf(entry)) ?? 0n);
  }
  return (first << 16) | rules.length;
}

/** The one address that packets of a rule go to; undefined: there may be many. */
export function singleDestination({ destination }: MarkRule): Address | undefined {
  if (destination === undefined) return undefined;
  return destination.length === (destination.address.family === "ipv4" ? 32 : 128) ? destination.address : undefined;
}

function* entriesOf(path: PacketPath, word: number): Generator<readonly [number, MarkRuleEntry]> {
  const first = word >>> 16;
  for (let index = first; index < first + (word & 0xffff); index++) {
    const entry = path.maps.mark_rules.lookup(index);
    if (entry !== undefined) yield [index, entry];
  }
}

function entryOf(rule: MarkRule): MarkRuleEntry {
  const family = rule.family ?? rule.source?.address.family ?? rule.destination?.address.family;
  return {
    source: maskedBytes(rule.source),
    sourceMask: rule.source === undefined ? NO_ADDRESS : maskOf(rule.source),
    destination: maskedBytes(rule.destination),
    destinationMask: rule.destination === undefined ? NO_ADDRESS : maskOf(rule.destination),
    portFirst: rule.ports?.first ?? 0,
    portLast: rule.ports?.last ?? PORT_MAX,
    protocol: rule.protocol === undefined ? 0 : PROTOCOL_NUMBERS[rule.protocol],
    family: family === undefined ? Family.NONE : family === "ipv4" ? Family.IPV4 : Family.IPV6,
    ifindex: rule.interfaceName === undefined ? 0 : indexOf(rule.interfaceName),
    mark: rule.mark,
  };
}

function ruleOf(entry: MarkRuleEntry): MarkRule {
  const { family, protocol, portFirst, portLast, ifindex } = entry;
  const source = prefixOf(entry.source, entry.sourceMask, family);
  const destination = prefixOf(entry.destination, entry.destinationMask, family);
  return {
    mark: entry.mark,
    ...(family === Family.NONE ? {} : { family: familyName(family) }),
    ...(protocol === 0 ? {} : { protocol: protocolName(protocol) }),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(portFirst === 0 && portLast === PORT_MAX ? {} : { ports: { first: portFirst, last: portLast } }),
    // An interface that is gone has no name any more: the rule is then another than the one that is wanted.
    ...(ifindex === 0 ? {} : { interfaceName: findLink(ifindex)?.name ?? `gone:${ifindex}` }),
  };
}

function indexOf(interfaceName: string): number {
  const gone = /^gone:(\d+)$/.exec(interfaceName);
  return gone === null ? getLink(interfaceName).index : Number(gone[1]);
}

function familyName(number: number): FamilyName {
  return number === Family.IPV4 ? "ipv4" : "ipv6";
}

function prefixOf(address: Uint8Array, mask: Uint8Array, family: number): Prefix | undefined {
  const length = [...mask].reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0);
  return length === 0 ? undefined : { address: addressOf(address, family), length };
}

function maskOf({ address, length }: Prefix): Uint8Array {
  const bytes = Uint8Array.from({ length: address.family === "ipv4" ? 4 : 16 }, (_, i) => prefixByte(length, i));
  return addressFromBytes(bytes).bytes;
}

/** What is compared is the address under its mask. */
function maskedBytes(prefix: Prefix | undefined): Uint8Array {
  if (prefix === undefined) return NO_ADDRESS;
  const mask = maskOf(prefix);
  return prefix.address.bytes.map((byte, i) => byte & (mask[i] ?? 0));
}

function textOf(entry: MarkRuleEntry): string {
  return Buffer.from(encoded(markRuleCodec, entry)).toString("hex");
}
