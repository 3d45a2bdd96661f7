/**
 * Plans: how each service chooses, as `struct plan` and a stretch of `candidates`. A plan is never altered. A new one is
 * written beside it and the service is pointed to it in one stroke, so that a packet sees the old list or the new one.
 */

import { EvenkeelError } from "../model/error.ts";
import type { SchedulerFlag, SchedulerName } from "../model/service.ts";
import type { Candidate, Cursor } from "../scheduler/scheduler.ts";
import { weightRange } from "../scheduler/wrr.ts";
import { type Plan, PlanFlag, Scheduler } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";

const SCHEDULER_NUMBERS = { rr: Scheduler.RR, wrr: Scheduler.WRR } as const satisfies Record<SchedulerName, number>;
const FLAG_NUMBERS = { fallback: PlanFlag.FALLBACK, port: PlanFlag.PORT } as const satisfies Record<SchedulerFlag, number>;

/** A server in a plan: its number in the server table, its weight, and what identifies it for the scheduler. */
export interface Member extends Candidate {
  readonly number: number;
}

export interface PlanContent {
  readonly service: number;
  readonly scheduler: SchedulerName;
  readonly schedulerFlags?: readonly SchedulerFlag[] | undefined;
  /** Newest first, as schedulers walk. */
  readonly members: readonly Member[];
}

interface Extent {
  readonly first: number;
  readonly count: number;
}

export class PlanTable {
  readonly #path: PacketPath;
  readonly #used = new Map<number, Extent>();
  /** Both go round: what a packet may still be reading is written anew only after all the rest was. */
  #nextPlan = 0;
  #nextCandidate = 0;

  constructor(path: PacketPath, usedPlans: Iterable<number>) {
    this.#path = path;
    for (const number of usedPlans) {
      const { first, count } = this.read(number);
      this.#used.set(number, { first, count });
      this.#nextPlan = Math.max(this.#nextPlan, number + 1);
      this.#nextCandidate = Math.max(this.#nextCandidate, first + count);
    }
  }

  /** Writes a plan that begins at the cursor; its number. */
  write(content: PlanContent, cursor: Cursor): number {
    const { members, scheduler, schedulerFlags = [], service } = content;
    const first = this.#room(members.length);
    for (const [i, { number, weight }] of members.entries())
      this.#path.candidates.write(first + i, { server: number, weight, weightSum: 0, lastWeight: 0 });
    const range = weightRange(members);
    const plan: Plan = {
      cursor: (BigInt(cursor.currentWeight) << 32n) | BigInt(cursor.position),
      scheduler: SCHEDULER_NUMBERS[scheduler],
      flags: schedulerFlags.reduce((all, flag) => all | FLAG_NUMBERS[flag], 0),
      first,
      count: members.length,
      weightMax: range.weightMax,
      weightDivisor: range.weightDivisor,
      service,
      firstBucket: 0,
      bucketCount: 0,
      firstGroup: 0,
      groupCount: 0,
      weightSum: 0,
    };
    const number = this.#unusedPlan();
    this.#path.maps.plans.update(number, plan);
    this.#used.set(number, { first, count: members.length });
    this.#nextCandidate = first + members.length;
    return number;
  }

  /** No service points to it any more. */
  free(number: number): void {
    this.#used.delete(number);
  }

  read(number: number): Plan {
    const plan = this.#path.maps.plans.lookup(number);
    if (plan === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path has no plan ${number}`);
    return plan;
  }

  scheduler(plan: Plan): SchedulerName {
    const found = (Object.keys(SCHEDULER_NUMBERS) as SchedulerName[]).find((name) => SCHEDULER_NUMBERS[name] === plan.scheduler);
    if (found === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path runs the unknown scheduler ${plan.scheduler}`);
    return found;
  }

  schedulerFlags({ flags }: Plan): SchedulerFlag[] {
    return (Object.keys(FLAG_NUMBERS) as SchedulerFlag[]).filter((flag) => (flags & FLAG_NUMBERS[flag]) !== 0);
  }

  /** Newest first. */
  candidates(plan: Plan): { readonly server: number; readonly weight: number }[] {
    return Array.from({ length: plan.count }, (_, i) => this.#path.candidates.read(plan.first + i));
  }

  /** Where the packet path stands in its walk, now. */
  cursor(number: number): Cursor {
    const { cursor } = this.read(number);
    return { position: Number(cursor & 0xffff_ffffn), currentWeight: Number(cursor >> 32n) };
  }

  #unusedPlan(): number {
    const { maxEntries } = this.#path.maps.plans;
    for (let i = 0; i < maxEntries; i++) {
      const number = (this.#nextPlan + i) % maxEntries;
      if (this.#used.has(number)) continue;
      this.#nextPlan = number + 1;
      return number;
    }
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${maxEntries} services and has no room for another`);
  }

  /** The first stretch of so many free candidates behind the last one that was written, going round once. */
  #room(count: number): number {
    const { length } = this.#path.candidates;
    const extents = [...this.#used.values()].filter((extent) => extent.count > 0).sort((one, other) => one.first - other.first);
    for (const [from, to] of [
      [this.#nextCandidate, length],
      [0, length],
    ] as const) {
      let first = from;
      for (const extent of extents) {
        if (extent.first + extent.count <= first) continue;
        if (extent.first >= first + count) break;
        first = extent.first + extent.count;
      }
      if (first + count <= to) return first;
    }
    throw new EvenkeelError(
      "LIMIT_REACHED",
      `the packet path has no room for a list of ${count} servers: it holds ${length} in all lists together`,
    );
  }
}
