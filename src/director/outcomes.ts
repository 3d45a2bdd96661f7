/** What each outcome means, in one line for people: what `evenkeel status` says beside a count, and the table in docs/packet-path.md. */

import type { Outcome } from "../wire/abi.ts";

export type OutcomeName = Exclude<keyof typeof Outcome, "NONE" | "COUNT">;

export const OUTCOME_MEANINGS = {
  PASS_NOT_IP: "left to the host: not IPv4 or IPv6 (ARP, for one)",
  PASS_PROTOCOL: "left to the host: a protocol that no service can have",
  PASS_FRAGMENT: "left to the host: a fragment of something that is no service's",
  PASS_NO_SERVICE: "left to the host: for no virtual service, and no reply of one",
  PASS_NOT_NEW: "left to the host: it belongs to no connection and may not begin one (no SYN, no INIT); the host answers with RST",
  PASS_TO_TC: "XDP left it to the tc program on the same interface",
  PASS_ICMP: "left to the host: an ICMP message about no connection here",
  PASS_FTP: "left to the host: from a client's port 20, or to a port of an FTP service's address that it does not serve",
  PASS_MALFORMED: "left to the host: malformed, or from an address that no client can have",
  PASS_OTHER_HOST: "left to the host: the frame was for another host",
  ICMP_TOO_BIG: 'too long for its way: answered with "fragmentation needed" or "packet too big"',
  ICMP_TIME_EXCEEDED: 'its TTL or hop limit was over: answered with "time exceeded"',
  ICMP_UNREACHABLE: 'no server could take the connection: answered with "port unreachable"',
  ICMP_FORWARDED: "an ICMP error about a connection was sent on to its server or client",
  FRAGMENTED: "it was too long for its way and was cut",
  FRAGMENT_WAITS: "a fragment came before its first one and waits for it",
  HALF_OPEN_EVICTED: "a half-open connection gave its slot to a newer one",
  DROP_NO_SERVER: "dropped: no server could take the connection",
  DROP_SERVER_GONE: "dropped: the server of its connection was deleted",
  DROP_TABLE_FULL: "dropped: no room for another connection (evenkeel apply --connections makes a larger table)",
  DROP_NO_ROUTE: "dropped: no route to the server",
  DROP_REWRITE: "dropped: it could not be rewritten",
  DROP_ICMP_LIMIT: "dropped: more ICMP errors were due than are sent at a time",
  DROP_FRAGMENT: "dropped: a fragment whose first one was not sent on, or too many that wait for theirs",
  DROP_NO_PORT: "dropped: full NAT had no port left for the connection",
} as const satisfies Record<OutcomeName, string>;

/** undefined of a name that this version does not know. */
export function outcomeMeaning(name: string): string | undefined {
  return Object.hasOwn(OUTCOME_MEANINGS, name) ? OUTCOME_MEANINGS[name as keyof typeof OUTCOME_MEANINGS] : undefined;
}
