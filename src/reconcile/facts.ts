/**
 * What can be edited, each fact by its name and as one text. Two things are equal when all their texts are, whether a default was written out or
 * not; and an edit is told as the facts that differ.
 */

import { formatAddress } from "../model/address.ts";
import { DEFAULT_SETTINGS, type DirectorSettings, type MarkRule, type Prefix, type ServiceHead } from "../model/plane.ts";
import { clientPrefixLength, describeThresholds, describeTunnel, type RealServer, SCHEDULER_FLAGS } from "../model/service.ts";

export type Facts = Readonly<Record<string, string>>;

const NONE = "none";

export function serviceFacts(head: ServiceHead): Facts {
  const { persistence, timeouts = {}, schedulerFlags = [] } = head;
  const flags = SCHEDULER_FLAGS.filter((flag) => schedulerFlags.includes(flag));
  const own = Object.entries(timeouts).filter(([, seconds]) => seconds !== undefined);
  const masked = persistence === undefined ? 0 : clientPrefixLength(persistence, head.address.family);
  return {
    scheduler: head.scheduler,
    "scheduler flags": flags.length === 0 ? NONE : flags.join(","),
    persistence: persistence === undefined ? NONE : `${persistence.timeoutSeconds} s`,
    "persistent clients": persistence === undefined || masked === wholeLength(head.address) ? "each by itself" : `by /${masked}`,
    "one packet": yesOrNo(head.onePacket),
    sloppy: yesOrNo(head.sloppy),
    "full NAT": head.fullNat === undefined ? NONE : formatAddress(head.fullNat),
    timeouts:
      own.length === 0
        ? NONE
        : own.map(([name, seconds]) => `${TIMEOUT_WORDS[name as keyof typeof TIMEOUT_WORDS]} ${seconds} s`).join(", "),
  };
}

const TIMEOUT_WORDS = { tcp: "tcp", tcpFin: "tcp_fin", udp: "udp" } as const;

export function serverFacts(server: RealServer): Facts {
  return {
    weight: `${server.weight}`,
    method: server.method,
    tunnel: describeTunnel(server.method === "tun" && server.tunnel !== undefined ? server.tunnel : { type: "ipip" }),
    thresholds: describeThresholds(server),
  };
}

export function settingsFacts({ timeouts, expireNodest, expireQuiescentTemplate, connectionReuse }: DirectorSettings): Facts {
  return {
    "timeout tcp": `${timeouts.tcp} s`,
    "timeout tcp_fin": `${timeouts.tcpFin} s`,
    "timeout udp": `${timeouts.udp} s`,
    expire_nodest_conn: expireNodest ? "1" : "0",
    expire_quiescent_template: expireQuiescentTemplate ? "1" : "0",
    // Bit 2 includes bit 1.
    conn_reuse_mode: `${(connectionReuse & 2) === 0 ? Math.min(connectionReuse, 1) : 3}`,
  };
}

export function settingsOf(state: { readonly settings?: DirectorSettings }): DirectorSettings {
  return state.settings ?? DEFAULT_SETTINGS;
}

/** One line for people, and what two equal rules have in common: "mark 1: tcp from 198.51.100.0/24 to 192.0.2.1/32 ports 80-88 on eth0". */
export function describeMark(rule: MarkRule): string {
  const family = rule.family ?? rule.source?.address.family ?? rule.destination?.address.family;
  const addressed = meant(rule.source) ?? meant(rule.destination);
  const words = [
    rule.protocol ?? "any protocol",
    // A prefix shows its family.
    ...(addressed === undefined && family !== undefined ? [family] : []),
    ...(meant(rule.source) === undefined ? [] : [`from ${describePrefix(rule.source)}`]),
    ...(meant(rule.destination) === undefined ? [] : [`to ${describePrefix(rule.destination)}`]),
    ...describePorts(rule),
    ...(rule.interfaceName === undefined ? [] : [`on ${rule.interfaceName}`]),
  ];
  return `mark ${rule.mark}: ${words.join(" ")}`;
}

function describePorts({ ports }: MarkRule): string[] {
  if (ports === undefined || (ports.first === 0 && ports.last === 65535)) return [];
  return [ports.first === ports.last ? `port ${ports.first}` : `ports ${ports.first}-${ports.last}`];
}

/** A prefix of length 0 is any address. */
function meant(prefix: Prefix | undefined): Prefix | undefined {
  return prefix?.length === 0 ? undefined : prefix;
}

function describePrefix(prefix: Prefix | undefined): string {
  if (prefix === undefined) return "any";
  const bytes = prefix.address.bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix.length - 8 * i))));
  return `${formatAddress({ ...prefix.address, bytes })}/${prefix.length}`;
}

export function sameFacts(one: Facts, other: Facts): boolean {
  return differences(one, other).length === 0;
}

/** "weight 1 -> 0, method nat -> tun". */
export function describeDifference(before: Facts, after: Facts): string {
  return differences(before, after)
    .map((name) => `${name} ${before[name]} -> ${after[name]}`)
    .join(", ");
}

function differences(one: Facts, other: Facts): string[] {
  return Object.keys(one).filter((name) => one[name] !== other[name]);
}

function wholeLength({ family }: ServiceHead["address"]): number {
  return family === "ipv4" ? 32 : 128;
}

function yesOrNo(value: boolean | undefined): string {
  return value === true ? "yes" : "no";
}
