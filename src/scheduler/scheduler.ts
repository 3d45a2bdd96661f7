/**
 * What a scheduler is: it chooses a server for a new flow, exactly as IPVS would. Candidates stand in walk order, which
 * is newest first: a server is added at the head. Position 0 is the first one walked.
 */

import { type Address, sameAddress } from "../model/address.ts";
import type { RealServer } from "../model/service.ts";

/**
 * A server as a scheduler sees it. Address and port say which one it is; the rest is what may sway the choice. It may be
 * a record that its owner updates in place: a scheduler that remembers servers then sees what becomes of them.
 */
export interface Candidate {
  readonly address: Address;
  readonly port: number;
  /** 0 = quiesced: never chosen. */
  readonly weight: number;
  /** The latest weight that was not 0, else the one it was added with: mh keeps the places of a quiesced server. */
  readonly lastWeight: number;
  /** Over its upper threshold: IP_VS_DEST_F_OVERLOAD. */
  readonly overloaded: boolean;
  /** Connections that stand in an active state. */
  readonly active: number;
  /** All connections, active or not; templates do not count. */
  readonly total: number;
}

/** The new flow, as it came from the client: what the hashing schedulers look at. */
export interface Flow {
  readonly client: Address;
  readonly clientPort: number;
  readonly destination: Address;
  readonly destinationPort: number;
}

/** How long lblc and lblcr remember, unless told otherwise: sysctls lblc_expiration and lblcr_expiration. */
export const LOCALITY_SECONDS = 24 * 3600;

/** What a choice may depend on besides the servers and the flow. */
export interface Occasion {
  /** sh-fallback, mh-fallback: when the server of the bucket cannot serve, try the buckets behind it. */
  readonly fallback: boolean;
  /** sh-port, mh-port: the client's port counts as well. */
  readonly usePort: boolean;
  /** Monotonic, with the same beginning as the time given to `prepare`. */
  readonly nowMs: number;
  /** How long lblc and lblcr remember what is not asked for (sysctls lblc_expiration and lblcr_expiration). */
  readonly cacheExpirationMs: number;
  /** A whole number from 0 up to, and without, `below`; each as likely. */
  readonly chance: (below: number) => number;
}

/**
 * The part of a memory that the packet path moves on by itself, in the terms of `struct plan` (bpf/abi.h): low word of
 * its cursor the position of the last choice + 1 (0 = before the list), high word the current weight.
 */
export interface Cursor {
  readonly position: number;
  readonly currentWeight: number;
}

/** `choose` may move the memory on in place. A memory belongs to the scheduler that made it. */
export interface Scheduler<Memory extends object = object> {
  /** The memory of a scheduler that begins with these servers (a new service, or a service that changes its scheduler). */
  prepare(servers: readonly Candidate[], nowMs: number): Memory;
  /** The position of the server for this flow; undefined when no server can take it. */
  choose(servers: readonly Candidate[], flow: Flow, memory: Memory, occasion: Occasion): number | undefined;
  /** The memory after exactly one server was added (at the head), deleted or edited. IPVS counts an edit that alters nothing. */
  changed(memory: Memory, before: readonly Candidate[], after: readonly Candidate[]): Memory;
}

/**
 * A scheduler whose memory is a place in the list. Its choice moves the place on, as a packet moves the plan's cursor, and
 * depends on nothing but the list; a change of the list answers with a new memory and leaves the old one as it was, as the
 * control plane writes a new plan.
 */
export interface CursorScheduler<Memory extends object = object> extends Scheduler<Memory> {
  prepare(servers: readonly Candidate[]): Memory;
  choose(servers: readonly Candidate[], flow: Flow, memory: Memory): number | undefined;
  /** What the packet path has to be told of a memory, and the memory again from what the packet path made of it. */
  cursor(memory: Memory): Cursor;
  resume(servers: readonly Candidate[], cursor: Cursor): Memory;
}

/** A scheduler's place in the list without its choices. */
export type PlaceKeeper = Pick<CursorScheduler<object>, "prepare" | "changed" | "cursor" | "resume">;

/** A server with no connection yet. */
export function idleCandidate(server: Pick<RealServer, "address" | "port" | "weight">): Candidate {
  const { address, port, weight } = server;
  return { address, port, weight, lastWeight: weight, overloaded: false, active: 0, total: 0 };
}

/** Whether a scheduler may choose it at all. */
export function mayServe(candidate: Candidate): boolean {
  return candidate.weight > 0 && !candidate.overloaded;
}

/** What a table of positions names, when it may serve. */
export function usablePosition(servers: readonly Candidate[], position: number | undefined): number | undefined {
  const candidate = position === undefined ? undefined : servers[position];
  return candidate !== undefined && mayServe(candidate) ? position : undefined;
}

/** The position of the heaviest of those that will do; the first in the walk wins a tie. */
export function heaviest(servers: readonly Candidate[], willDo: (candidate: Candidate) => boolean): number | undefined {
  let found: number | undefined;
  let weight = 0;
  for (let i = 0; i < servers.length; i++) {
    const candidate = servers[i];
    if (candidate === undefined || candidate.weight <= weight || !willDo(candidate)) continue;
    found = i;
    weight = candidate.weight;
  }
  return found;
}

/** What happened between two lists that differ by one step. */
export type ListStep = { readonly kind: "added" } | { readonly kind: "edited" } | { readonly kind: "deleted"; readonly position: number };

export function listStep(before: readonly Candidate[], after: readonly Candidate[]): ListStep {
  const growth = after.length - before.length;
  if (growth === 0 && sameServers(before, after)) return { kind: "edited" };
  if (growth === 1 && sameServers(before, after.slice(1))) return { kind: "added" };
  if (growth === -1) {
    const found = after.findIndex((candidate, i) => !sameServer(candidate, before[i]));
    const position = found === -1 ? after.length : found;
    if (sameServers(before.toSpliced(position, 1), after)) return { kind: "deleted", position };
  }
  // A bug of the caller: several steps at once would lose the place in the walk.
  throw new Error(
    `a scheduler is told of one added, deleted or edited server at a time, not of ${before.length} servers becoming ${after.length} others`,
  );
}

function sameServers(one: readonly Candidate[], other: readonly Candidate[]): boolean {
  return one.length === other.length && one.every((candidate, i) => sameServer(candidate, other[i]));
}

/** Where a server stands that was remembered; undefined when it is no longer in the list (IPVS: not AVAILABLE). */
export function positionOf(servers: readonly Candidate[], remembered: Candidate): number | undefined {
  const same = servers.indexOf(remembered);
  if (same !== -1) return same;
  const equal = servers.findIndex((server) => sameServer(server, remembered));
  return equal === -1 ? undefined : equal;
}

function sameServer(one: Candidate, other: Candidate | undefined): boolean {
  return one === other || (other !== undefined && one.port === other.port && sameAddress(one.address, other.address));
}
