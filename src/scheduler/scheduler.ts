/**
 * What a scheduler is: it chooses a server for a new flow, exactly as IPVS would. Candidates stand in walk order, which
 * is newest first: a server is added at the head. Position 0 is the first one walked.
 */

import { type Address, sameAddress } from "../model/address.ts";
import type { RealServer } from "../model/service.ts";

/** A server as a scheduler sees it. Address and port say which one it is; the rest is what may sway the choice. */
export interface Candidate {
  readonly address: Address;
  readonly port: number;
  /** 0 = quiesced: never chosen. */
  readonly weight: number;
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

/**
 * The part of a memory that the packet path moves on by itself, in the terms of `struct plan` (bpf/abi.h): low word of
 * its cursor the position of the last choice + 1 (0 = before the list), high word the current weight.
 */
export interface Cursor {
  readonly position: number;
  readonly currentWeight: number;
}

/**
 * `choose` moves the memory on in place, as a packet moves the plan's cursor. `changed` answers with a new memory, as the
 * control plane writes a new plan. A memory belongs to the scheduler that made it.
 */
export interface Scheduler<Memory extends object = object> {
  /** The memory of a scheduler that begins with these servers (a new service, or a service that changes its scheduler). */
  prepare(servers: readonly Candidate[]): Memory;
  /** The position of the server for this flow; undefined when no server can take it. */
  choose(servers: readonly Candidate[], flow: Flow, memory: Memory): number | undefined;
  /** The memory after exactly one server was added (at the head), deleted or edited. IPVS counts an edit that alters nothing. */
  changed(memory: Memory, before: readonly Candidate[], after: readonly Candidate[]): Memory;
  /** What the packet path has to be told of a memory, and the memory again from what the packet path made of it. */
  cursor(memory: Memory): Cursor;
  resume(servers: readonly Candidate[], cursor: Cursor): Memory;
}

/** A server with no connection yet. */
export function idleCandidate(server: Pick<RealServer, "address" | "port" | "weight">): Candidate {
  return { address: server.address, port: server.port, weight: server.weight, overloaded: false, active: 0, total: 0 };
}

/** The candidates of a service whose servers are told in the order in which they were added. */
export function walkOrder(servers: readonly Pick<RealServer, "address" | "port" | "weight">[]): Candidate[] {
  return servers.map(idleCandidate).reverse();
}

/** Whether a scheduler may choose it at all. */
export function mayServe(candidate: Candidate): boolean {
  return candidate.weight > 0 && !candidate.overloaded;
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

function sameServer(one: Candidate, other: Candidate | undefined): boolean {
  return one === other || (other !== undefined && one.port === other.port && sameAddress(one.address, other.address));
}
