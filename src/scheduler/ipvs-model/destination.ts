/**
 * A real server as IPVS keeps it: a live record of its counters, thresholds and flags. It outlives its deletion as long as
 * connections refer to it.
 */

import type { Address } from "../../model/address.ts";
import type { ForwardingMethod } from "../../model/service.ts";
import type { Candidate } from "../scheduler.ts";

/** What is said of a server when it is added or edited. */
export interface DestinationFacts {
  readonly address: Address;
  /** 0 = the port the packet came for. */
  readonly port: number;
  readonly weight: number;
  readonly method: ForwardingMethod;
  /** 0 = no limit. */
  readonly upperThreshold: number;
  /** 0 = three quarters of the upper one. */
  readonly lowerThreshold: number;
}

export interface Destination extends Candidate {
  weight: number;
  lastWeight: number;
  overloaded: boolean;
  active: number;
  total: number;
  method: ForwardingMethod;
  upperThreshold: number;
  lowerThreshold: number;
  /** In its service's list, not in the trash. */
  available: boolean;
  /** Templates, which count nowhere else. */
  persistent: number;
}

export function newDestination({ address, port }: DestinationFacts): Destination {
  return {
    address,
    port,
    weight: 0,
    lastWeight: 0,
    overloaded: false,
    active: 0,
    total: 0,
    method: "dr",
    upperThreshold: 0,
    lowerThreshold: 0,
    available: false,
    persistent: 0,
  };
}

/** Takes over what was said. Added anew, the last weight is this one even when it is 0. */
export function update(destination: Destination, facts: DestinationFacts, how: "add" | "edit"): void {
  if (how === "add" || facts.weight !== 0) destination.lastWeight = facts.weight;
  destination.weight = facts.weight;
  destination.method = facts.method;
  destination.available = true;
  const { upperThreshold, lowerThreshold } = facts;
  if (upperThreshold === destination.upperThreshold && lowerThreshold === destination.lowerThreshold) return;
  destination.upperThreshold = upperThreshold;
  destination.lowerThreshold = lowerThreshold;
  if (upperThreshold !== 0 && destination.total >= upperThreshold) destination.overloaded = true;
  else if (upperThreshold === 0 || destination.total < releaseAt(destination)) destination.overloaded = false;
}

export function countNew(destination: Destination): void {
  destination.total++;
  if (destination.upperThreshold !== 0 && destination.total === destination.upperThreshold) destination.overloaded = true;
}

export function countGone(destination: Destination): void {
  destination.total--;
  if (destination.upperThreshold !== 0 && destination.total === releaseAt(destination) - 1) destination.overloaded = false;
}

/** What InActConn shows. */
export function inactive({ active, total }: Destination): number {
  return Math.max(total - active, 0);
}

/** A server that is over its threshold serves again when it has fewer connections than this. */
function releaseAt({ upperThreshold, lowerThreshold }: Destination): number {
  return lowerThreshold !== 0 ? lowerThreshold : upperThreshold - Math.floor(upperThreshold / 4);
}
