/** What is measured, and what must come of it. */

export const WAYS = ["dr", "nat", "tun", "reply"] as const;
/** By which method a packet goes on; `reply` is NAT's way back. */
export type Way = (typeof WAYS)[number];

/** Socket buffers, as a virtual card gives them to the stack; or XDP frames, as a physical card's driver has them first. */
export type Input = "packets" | "frames";

export const FORWARDERS = ["none", "none_xdp", "router", "redirect", "redirect_neigh", "ipvs", "evenkeel"] as const;
/**
 * `none`: packets end where they would come in, at tc; `none_xdp`: already at XDP, before they get a socket buffer. The redirects are
 * the least that a program at our hook can do.
 */
export type Forwarder = (typeof FORWARDERS)[number];

export interface Row {
  readonly input: Input;
  readonly forwarder: Forwarder;
  readonly way: Way;
  /** Each packet of a client that was never seen. */
  readonly fresh: boolean;
}

export interface Goal {
  readonly input: Input;
  readonly way: Way;
  readonly fresh: boolean;
  /** At most so much of what IPVS takes. */
  readonly most: number;
}

const MOST = { packets: 0.5, frames: 0.25, fresh: 0.8 } as const;

export const GOALS: readonly Goal[] = (["packets", "frames"] as const).flatMap((input) =>
  (["dr", "nat", "tun"] as const).flatMap((way) => [
    { input, way, fresh: false, most: MOST[input] },
    { input, way, fresh: true, most: MOST.fresh },
  ]),
);

/** All, in the order in which they are measured. Those of one stand follow each other. */
export const ROWS: readonly Row[] = (["packets", "frames"] as const).flatMap((input) => [
  row(input, "none", "dr"),
  ...(input === "frames" ? [row(input, "none_xdp", "dr")] : []),
  ...(["router", "redirect"] as const).map((forwarder) => row(input, forwarder, "dr")),
  ...(input === "packets" ? [row(input, "redirect_neigh", "dr")] : []),
  ...(["ipvs", "evenkeel"] as const).flatMap((forwarder) => [
    ...(["dr", "nat", "tun"] as const).flatMap((way) => [row(input, forwarder, way), row(input, forwarder, way, true)]),
    row(input, forwarder, "reply"),
  ]),
]);

/** Whose cost is no forwarder's: the same packet, ended the same way before anybody forwards it. */
export function baseOf({ input, forwarder }: Row): Forwarder {
  const byXdp = forwarder === "none_xdp" || forwarder === "redirect" || forwarder === "evenkeel";
  return input === "frames" && byXdp ? "none_xdp" : "none";
}

export function rowName({ input, forwarder, way, fresh }: Row): string {
  return [input, forwarder, way, ...(fresh ? ["new"] : [])].join(" ");
}

function row(input: Input, forwarder: Forwarder, way: Way, fresh = false): Row {
  return { input, forwarder, way, fresh };
}
