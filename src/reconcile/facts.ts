/**
 * What can be edited, each fact by its name and as one text. Two things are equal when all their texts are, whether a default was written out or
 * not; and an edit is told as the facts that differ.
 */

import { formatAddress } from "../model/address.ts";
import { DEFAULT_SETTINGS, type DirectorSettings, type ServiceHead } from "../model/plane.ts";
import { clientPrefixLength, describeThresholds, describeTunnel, KEPT_SCHEDULER_FLAGS, type RealServer } from "../model/service.ts";

export type Facts = Readonly<Record<string, string>>;

const NONE = "none";

export function serviceFacts(head: ServiceHead): Facts {
  const { persistence, timeouts = {}, schedulerFlags = [] } = head;
  const flags = KEPT_SCHEDULER_FLAGS.filter((flag) => schedulerFlags.includes(flag));
  const own = Object.entries(timeouts).filter(([, seconds]) => seconds !== undefined);
  const masked = persistence === undefined ? 0 : clientPrefixLength(persistence, head.address.family);
  return {
    scheduler: head.scheduler,
    "scheduler flags": flags.length === 0 ? NONE : flags.join(","),
    persistence: persistence === undefined ? NONE : `${persistence.timeoutSeconds} s`,
    "persistent clients":
      persistence === undefined || masked === wholeLength(head.address)
        ? "each by itself"
        : `by ${formatAddress(persistence.clientMask ?? head.address)}`,
    "persistence engine": head.persistenceEngine ?? NONE,
    "one packet": yesOrNo(head.onePacket),
    sloppy: yesOrNo(head.sloppy),
    "full NAT": head.fullNat === undefined ? NONE : formatAddress(head.fullNat),
    timeouts:
      own.length === 0
        ? NONE
        : own.map(([name, seconds]) => `${TIMEOUT_WORDS[name as keyof typeof TIMEOUT_WORDS]} ${seconds} s`).join(", "),
  };
}

/** What a service has beside its scheduler, as usual things left out. */
export function unusualFacts(head: ServiceHead): (readonly [string, string])[] {
  const { address, scheduler } = head;
  const usual = serviceFacts({ address, port: 0, protocol: "tcp", scheduler });
  return Object.entries(serviceFacts(head)).filter(([name, text]) => text !== usual[name]);
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
