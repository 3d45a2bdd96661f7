/** Who is compared, and with what: each row is a cluster of its own that stands during the whole bench. */

import type { HookChoice } from "../../src/model/plane.ts";
import type { ForwardingMethod } from "../../src/model/service.ts";

export const PEERS = ["nftables", "haproxy", "nginx"] as const;

export type Peer = (typeof PEERS)[number];

/** What the director does with the packets. */
export type Job =
  /** It is a router: the client asks for the real server's own address. */
  { readonly kind: "router" } | { readonly kind: "peer"; readonly peer: Peer } | { readonly kind: "evenkeel"; readonly hook: HookChoice };

export interface Row {
  readonly id: string;
  readonly title: string;
  /** The way of the packets: NAT's, with the reply through the director; or DR's or TUN's, with the reply past it. */
  readonly method: ForwardingMethod;
  readonly job: Job;
  /** The row this one is a ratio to. */
  readonly baseline: string;
  /** Must it reach the goals? */
  readonly judged: boolean;
}

const BOTH_WAYS = "router";
const ONE_WAY = "router-dr";

export const ROWS: readonly Row[] = [
  row(BOTH_WAYS, "kernel forwarding", "nat", { kind: "router" }, BOTH_WAYS),
  row("router-again", "kernel forwarding, once more", "nat", { kind: "router" }, BOTH_WAYS),
  row("nftables", "nftables DNAT", "nat", { kind: "peer", peer: "nftables" }, BOTH_WAYS),
  row("haproxy", "HAProxy, mode tcp", "nat", { kind: "peer", peer: "haproxy" }, BOTH_WAYS),
  row("nginx", "nginx stream", "nat", { kind: "peer", peer: "nginx" }, BOTH_WAYS),
  row("nat", "Evenkeel NAT, tc", "nat", { kind: "evenkeel", hook: "tc" }, BOTH_WAYS, true),
  row(ONE_WAY, "kernel forwarding, reply direct", "dr", { kind: "router" }, ONE_WAY),
  row("dr", "Evenkeel DR, tc", "dr", { kind: "evenkeel", hook: "tc" }, ONE_WAY, true),
  row("tun", "Evenkeel TUN, tc", "tun", { kind: "evenkeel", hook: "tc" }, ONE_WAY, true),
  row("nat-xdp", "Evenkeel NAT, native XDP", "nat", { kind: "evenkeel", hook: "xdp" }, BOTH_WAYS),
  row("dr-xdp", "Evenkeel DR, native XDP", "dr", { kind: "evenkeel", hook: "xdp" }, ONE_WAY),
  row("tun-xdp", "Evenkeel TUN, native XDP", "tun", { kind: "evenkeel", hook: "xdp" }, ONE_WAY),
];

function row(id: string, title: string, method: ForwardingMethod, job: Job, baseline: string, judged = false): Row {
  return { id, title, method, job, baseline, judged };
}

/** Rows with their baselines, in the order of the table. */
export function rowsNamed(ids: readonly string[]): Row[] {
  const wanted = new Set(ids.flatMap((id) => [id, ROWS.find((row) => row.id === id)?.baseline ?? id]));
  return ROWS.filter(({ id }) => wanted.has(id));
}
