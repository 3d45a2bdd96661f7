/** The fields that a rule of nft's JSON asks for, as far as a mark rule can: and the values that it names, as sets of packets. */

import type { Family } from "../../model/address.ts";
import { PROTOCOLS } from "../../model/service.ts";
import { readPrefix, readRange } from "./address-text.ts";
import { itemsOf, type Json, numberIn, onlyPart, partOf, textIn } from "./json.ts";
import { common, EVERY_PACKET, type Packets, toPorts, withPrefix } from "./packets.ts";

/** The elements of a set or map of the table by name, with its "@"; undefined: there is none. */
export type NamedSet = (name: string) => readonly Json[] | undefined;

export interface Field {
  /** Undefined: no mark rule can say so. */
  readonly packets: (value: Json) => readonly Packets[] | undefined;
  /** Its numbers have an order. */
  readonly ports?: true;
}

const PORT_MAX = 65_535;
/** Protocols of packets that no service is for. */
const NOBODYS = ["icmp", "icmpv6", "igmp", "esp", "ah", "comp", "udplite", "dccp", "gre"];

/** "tcp dport", "meta mark", "ip daddr . tcp dport", "fib", ...: as people call it. */
export function namedField(left: Json): string {
  const [kind = "something", content] = onlyPart(left) ?? [];
  if (kind === "concat") return itemsOf(content).map(namedField).join(" . ");
  if (kind === "&") return namedField(itemsOf(content)[0]);
  if (kind === "payload") return `${textIn(content, "protocol")} ${textIn(content, "field")}`.trim();
  const key = textIn(content, "key");
  return key === "" ? kind : `${kind} ${key}`;
}

/** Packets that have the field at all: nft prints no match of the protocol beside it. */
export function packetsWith(left: Json): readonly Packets[] {
  const [kind, content] = onlyPart(left) ?? [];
  if (kind === "concat") return product(itemsOf(content).map(packetsWith));
  if (kind === "&") return packetsWith(itemsOf(content)[0]);
  const name = kind === "payload" ? textIn(content, "protocol") : "";
  const protocol = PROTOCOLS.find((each) => each === name);
  if (protocol !== undefined) return [{ protocol }];
  if (name === "ip" || name === "ip6") return [{ family: name === "ip" ? "ipv4" : "ipv6" }];
  return NOBODYS.includes(name) ? [] : [EVERY_PACKET];
}

export function readField(left: Json): Field | undefined {
  const parts = partOf(left, "concat");
  if (parts !== undefined) return concatenated(itemsOf(parts).map(readField));
  return partOf(left, "&") === undefined ? FIELDS.get(namedField(left)) : undefined;
}

/** Packets whose field has what the right side names. */
export function valuesOf(field: Field, op: string, right: Json, set: NamedSet): readonly Packets[] | undefined {
  if (op !== "==" && op !== "!=" && op !== "in") return compared(field, op, right);
  const named = typeof right === "string" && right.startsWith("@");
  const values = named ? set(right) : partOf(right, "set") === undefined ? [right] : itemsOf(partOf(right, "set"));
  const found = values?.map((value) => field.packets(partOf(partOf(value, "elem"), "val") ?? value));
  return found?.every((each) => each !== undefined) ? found.flat() : undefined;
}

function compared({ ports, packets }: Field, op: string, right: Json): readonly Packets[] | undefined {
  if (ports === undefined || !isPort(right)) return undefined;
  const [first, last] = op.startsWith("<") ? [0, op === "<" ? right - 1 : right] : [op === ">" ? right + 1 : right, PORT_MAX];
  return first > last ? [] : packets({ range: [first, last] });
}

const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["ip saddr", addressField("ipv4", "source")],
  ["ip daddr", addressField("ipv4", "destination")],
  ["ip6 saddr", addressField("ipv6", "source")],
  ["ip6 daddr", addressField("ipv6", "destination")],
  ["ip protocol", { packets: protocolPackets }],
  ["ip6 nexthdr", { packets: protocolPackets }],
  ["meta l4proto", { packets: protocolPackets }],
  ["tcp dport", { ports: true, packets: portPackets }],
  ["udp dport", { ports: true, packets: portPackets }],
  ["sctp dport", { ports: true, packets: portPackets }],
  ["th dport", { ports: true, packets: portPackets }],
  ["meta iifname", { packets: interfacePackets }],
  ["meta iif", { packets: interfacePackets }],
  ["meta nfproto", { packets: familyPackets }],
  ["meta protocol", { packets: familyPackets }],
]);

function addressField(family: Family, end: "source" | "destination"): Field {
  return {
    packets: (value) => {
      const prefix = partOf(value, "prefix");
      const [first, last] = itemsOf(partOf(value, "range"));
      if (typeof first === "string" && typeof last === "string") return readRange(first, last)?.map((each) => withPrefix(end, each));
      const read = readPrefix(typeof value === "string" ? value : `${textIn(prefix, "addr")}/${numberIn(prefix, "len") ?? ""}`);
      return read?.address.family === family ? [withPrefix(end, read)] : undefined;
    },
  };
}

function portPackets(value: Json): readonly Packets[] | undefined {
  const [first = value, last = value] = itemsOf(partOf(value, "range"));
  return isPort(first) && isPort(last) && first <= last ? [toPorts(first, last)] : undefined;
}

function isPort(value: Json): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= PORT_MAX;
}

/** No service is for any other. */
function protocolPackets(value: Json): readonly Packets[] | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const protocol = PROTOCOLS.find((each) => each === value);
  return protocol === undefined ? [] : [{ protocol }];
}

function interfacePackets(value: Json): readonly Packets[] | undefined {
  return typeof value !== "string" || value.endsWith("*") ? undefined : [{ interfaceName: value }];
}

function familyPackets(value: Json): readonly Packets[] | undefined {
  if (typeof value !== "string") return undefined;
  if (value === "ipv4" || value === "ip") return [{ family: "ipv4" }];
  return value === "ipv6" || value === "ip6" ? [{ family: "ipv6" }] : [];
}

/** `ip daddr . tcp dport { 192.0.2.1 . 80 }` */
function concatenated(fields: readonly (Field | undefined)[]): Field | undefined {
  const known = fields.filter((field) => field !== undefined);
  if (known.length < fields.length) return undefined;
  return {
    packets: (value) => {
      const values = itemsOf(partOf(value, "concat"));
      const lists = known.map((field, i) => field.packets(values[i]));
      const understood = lists.filter((each) => each !== undefined);
      return values.length === known.length && understood.length === known.length ? product(understood) : undefined;
    },
  };
}

/** Packets that are of one of each list. */
function product(lists: readonly (readonly Packets[])[]): readonly Packets[] {
  return lists.reduce<readonly Packets[]>(
    (all, list) => all.flatMap((one) => list.flatMap((other) => common(one, other) ?? [])),
    [EVERY_PACKET],
  );
}
