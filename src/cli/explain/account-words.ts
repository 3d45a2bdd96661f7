/** How a scheduler came to its choice: what it goes by, in a sentence or two, and the columns of numbers that it compares. */

import type { Choice, Standing } from "../../director/explanation.ts";
import { type SchedulerName, serverName } from "../../model/service.ts";
import type { HashAccount, LoadAccount, LocalityAccount, Share, WalkAccount } from "../../scheduler/account/account.ts";
import { decimal, duration, ordinal, percent } from "./words.ts";

const RULES = {
  rr: "each in its turn; weights only say whether a server serves",
  wrr: "sweeps over the list; each takes the servers that weigh at least the current weight, which falls from sweep to sweep",
  lc: "the least overhead; an active connection counts as 256 inactive ones; the first of equals",
  wlc: "the least overhead for its weight; an active connection counts as 256 inactive ones; the first of equals",
  sed: "the least of active connections and one more, for its weight; the first of equals",
  nq: "the first without an active connection; when all have some, the least of those and one more, for its weight",
  sh: "the client's address says the bucket, and the bucket the server",
  dh: "the destination's address says the bucket, and the bucket the server",
  mh: "Maglev: the client's address says the bucket, and the bucket the server",
  lblc: "a destination stays with its server as long as that may go on; then as wlc",
  lblcr: "a destination stays with its set of servers, the least loaded of which serves; where none may go on, one more, as wlc",
  fo: "the heaviest server; the first of equals",
  ovf: "the heaviest server that has no more active connections than its weight; the first of equals",
  twos: "two are drawn by weight, and the one with less overhead for its weight is taken",
} as const satisfies Record<SchedulerName, string>;

const CROWDED = "crowded: more active connections than its weight, while another has less than half of its own";

export interface NumberColumn {
  readonly title: string;
  readonly of: (position: number) => string;
}

/** What goes without saying is left out; one line each. */
export function reasons({ scheduler, account, servers }: Choice, destination: string): string[] {
  const name = (position: number | undefined) => nameOf(servers, position);
  switch (account.kind) {
    case "load":
    case "lots":
      return [RULES[scheduler]];
    case "walk":
      return [RULES[scheduler], ...walkReasons(account, name)];
    case "hash":
      return [RULES[scheduler], hashReason(account, name)];
    case "locality":
      return [RULES[scheduler], ...localityReasons(account, destination)];
  }
}

/** Beside weight, active and inactive connections. */
export function numbers({ scheduler, account }: Choice): NumberColumn[] {
  switch (account.kind) {
    case "load":
      return loadColumns(scheduler, account);
    case "walk":
      return [{ title: "TURN", of: (i) => `${account.turns[i] ?? ""}` }];
    case "hash":
      return [{ title: "BUCKETS", of: (i) => `${account.owned[i] ?? ""}` }];
    case "locality":
      return account.asked === undefined ? [] : loadColumns("wlc", account.asked);
    case "lots":
      return [
        ...shareColumns("OVERHEAD", account.shares),
        { title: "DRAWN", of: (i) => percent(account.drawn[i] ?? 0) },
        { title: "ODDS", of: (i) => percent(account.odds[i] ?? 0) },
      ];
  }
}

function loadColumns(scheduler: SchedulerName, { shares }: LoadAccount): NumberColumn[] {
  // These compare weights alone.
  if (scheduler === "fo" || scheduler === "ovf") return [];
  if (scheduler === "lc") return shareColumns("OVERHEAD", shares).slice(0, 1);
  return shareColumns(scheduler === "sed" || scheduler === "nq" ? "DELAY" : "OVERHEAD", shares);
}

function shareColumns(title: string, shares: readonly (Share | undefined)[]): NumberColumn[] {
  const quotient = (share: Share | undefined) => (share === undefined ? "" : decimal(share.load / share.weight));
  return [
    { title, of: (i) => `${shares[i]?.load ?? ""}` },
    { title: `${title}/WEIGHT`, of: (i) => quotient(shares[i]) },
  ];
}

function walkReasons({ before, after, weights }: WalkAccount, name: (position: number | undefined) => string): string[] {
  const last = before.position === 0 ? "it stands before the list" : `the last was ${name(before.position - 1)}`;
  if (weights === undefined) return [last];
  const falls = `it falls from ${weights.greatest} in steps of ${weights.step}`;
  const next = before.currentWeight === after.currentWeight ? "" : `, and with this choice ${after.currentWeight}`;
  return [`${last}; the current weight is ${before.currentWeight}${next} (${falls})`];
}

function hashReason({ hashed, buckets, bucket, owner, fallback, passedOver }: HashAccount, name: (position: number | undefined) => string) {
  if (bucket === undefined) return `the client's port counts too (flag port): --from CLIENT:PORT says which bucket it is`;
  const what = hashed === "destination" ? "the destination" : hashed === "client" ? "the client" : "the client with its port";
  if (owner === undefined) return `${what} falls into bucket ${bucket} of ${buckets}, which is nobody's`;
  const falls = `${what} falls into bucket ${bucket} of ${buckets}, which is ${name(owner)}'s`;
  if (passedOver[owner] === undefined) return falls;
  if (fallback === undefined) return `${falls}; that does not serve, and no other is tried`;
  return `${falls}; that does not serve, and of those tried instead (flag fallback) the ${ordinal(fallback.tried)} does, bucket ${fallback.bucket}`;
}

function localityReasons({ remembered, expired, idleMs, dropped }: LocalityAccount, destination: string): string[] {
  if (expired) return [`what ${destination} had is forgotten: nobody has asked for it for ${duration(idleMs)}`];
  if (remembered.length === 0) return [`${destination} has no server yet`];
  const had = remembered.map(({ server, share, passedOver }) => {
    const why = passedOver === "crowded" ? CROWDED : passedOver;
    return `${serverName(server)} (${why ?? `overhead ${share.load}, weight ${share.weight}`})`;
  });
  return [
    `${destination} was asked for ${duration(idleMs)} ago and has ${had.join(", ")}`,
    ...(dropped === undefined ? [] : [`${serverName(dropped)} leaves the set with this, to which none was added for long`]),
  ];
}

function nameOf(servers: readonly Standing[], position: number | undefined): string {
  const standing = position === undefined ? undefined : servers[position];
  return standing === undefined ? "nobody" : serverName(standing.server);
}
