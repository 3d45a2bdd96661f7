/**
 * The account of a choice: the numbers that a scheduler compares, server by server, and whom they give. The choice is made by the
 * scheduler itself, the numbers are by the same functions that it uses; a data plane that chose otherwise is contradicted by them.
 */

import { type Candidate, type Cursor, type Flow, mayServe, type Occasion, type Scheduler } from "../scheduler.ts";

/** What a choice depends on, as the data plane has it. */
export interface Situation {
  /** In walk order; so is every list of an account. */
  readonly servers: readonly Candidate[];
  readonly flow: Flow;
  /** The flow's client port is not known. */
  readonly anyPort: boolean;
  readonly fallback: boolean;
  readonly usePort: boolean;
  /** rr, wrr: the place in the walk. */
  readonly cursor: Cursor;
  /** sh, dh, mh: the position of each bucket's server; one that is no position is nobody's. */
  readonly table: readonly number[];
  /** lblc, lblcr: what the flow's destination has; undefined: nothing. */
  readonly locality: Locality | undefined;
}

/** The servers that a destination has been given. */
export interface Locality {
  /** Newest first; also such as are in the list no more. */
  readonly servers: readonly Candidate[];
  /** Since it was last asked for, and since a server was last added. */
  readonly idleMs: number;
  readonly unchangedMs: number;
  /** It is forgotten when nobody asked for so long. */
  readonly expirationMs: number;
}

/** Weight 0; above its threshold; ovf: more active connections than its weight. */
export type PassedOver = "quiesced" | "overloaded" | "full";

/** The least load for its weight wins. */
export interface Share {
  readonly load: number;
  readonly weight: number;
}

interface CommonAccount {
  /** Why a server is not looked at. */
  readonly passedOver: readonly (PassedOver | undefined)[];
  /** The position of whom the numbers give; undefined: of nobody. */
  readonly chosen: number | undefined;
}

/** lc, wlc, sed, nq, fo, ovf. */
export interface LoadAccount extends CommonAccount {
  readonly kind: "load";
  readonly shares: readonly (Share | undefined)[];
}

/** rr, wrr. */
export interface WalkAccount extends CommonAccount {
  readonly kind: "walk";
  readonly before: Cursor;
  readonly after: Cursor;
  /** The turn of each server, 1 for the one behind the last choice. */
  readonly turns: readonly number[];
  /** wrr: between which weights its sweeps are, and in what steps. */
  readonly weights?: { readonly greatest: number; readonly step: number };
}

/** sh, dh, mh. */
export interface HashAccount extends CommonAccount {
  readonly kind: "hash";
  readonly hashed: "client" | "client and port" | "destination";
  readonly buckets: number;
  /** How many of them each server has. */
  readonly owned: readonly number[];
  /** Where the flow falls, and whose that is. No bucket: it depends on the client's port. */
  readonly bucket: number | undefined;
  readonly owner: number | undefined;
  /** With the flag `fallback`, the bucket at which somebody was found, and the how manieth it was that was tried. */
  readonly fallback?: { readonly bucket: number; readonly tried: number };
}

/** lblc, lblcr. */
export interface LocalityAccount extends CommonAccount {
  readonly kind: "locality";
  /** The destination's servers, newest first, and why one does not go on. */
  readonly remembered: readonly Remembered[];
  readonly idleMs: number;
  /** What was remembered is too old to count. */
  readonly expired: boolean;
  /** Nobody of those goes on: the least loaded for its weight takes the destination. */
  readonly asked: LoadAccount | undefined;
  /** lblcr: this one leaves the set, to which none was added for long. */
  readonly dropped: Candidate | undefined;
}

export interface Remembered {
  readonly server: Candidate;
  readonly share: Share;
  /** Crowded: more active connections than its weight, while another has less than half of its own. */
  readonly passedOver?: "deleted" | "quiesced" | "overloaded" | "crowded";
}

/** twos. */
export interface LotsAccount extends CommonAccount {
  readonly kind: "lots";
  readonly chosen: undefined;
  readonly shares: readonly (Share | undefined)[];
  /** How likely it is that a server is drawn, at each of the two draws; and that it is then the better of the two. */
  readonly drawn: readonly number[];
  readonly odds: readonly number[];
}

export type Account = LoadAccount | WalkAccount | HashAccount | LocalityAccount | LotsAccount;

export type Accountant = (situation: Situation) => Account;

/** Whom a scheduler gives in a situation; of a memory it may make what it likes. */
export function choose<Memory extends object>(
  scheduler: Scheduler<Memory>,
  memory: Memory,
  { servers, flow, fallback, usePort, locality }: Situation,
): number | undefined {
  const occasion: Occasion = { fallback, usePort, nowMs: 0, cacheExpirationMs: locality?.expirationMs ?? 0, chance: () => 0 };
  return scheduler.choose(servers, flow, memory, occasion);
}

/** Why no scheduler gives it a newcomer. */
export function passedOverAnyway(server: Candidate): "quiesced" | "overloaded" | undefined {
  if (mayServe(server)) return undefined;
  return server.weight === 0 ? "quiesced" : "overloaded";
}

/** Could this choice have been made by these numbers? */
export function allows(account: Account, position: number | undefined): boolean {
  if (account.kind === "hash" && account.bucket === undefined) return true;
  if (account.kind !== "lots") return account.chosen === position;
  return position === undefined ? account.odds.every((odds) => odds === 0) : (account.odds[position] ?? 0) > 0;
}
