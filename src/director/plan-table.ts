/**
 * Plans: how each service chooses, as `struct plan`, a stretch of `candidates`, and what some schedulers need besides: a table
 * of buckets (sh, dh, mh), groups of candidates (long lists of those that compare loads). A plan is never altered. A new
 * one is written beside it and the service is pointed to it in one stroke, so that a packet sees the old list or the new one.
 */

import { randomInt } from "node:crypto";
import { jiffiesPerSecond } from "../kernel/clock.ts";
import { EvenkeelError } from "../model/error.ts";
import type { SchedulerFlag, SchedulerName } from "../model/service.ts";
import { buildDhTable } from "../scheduler/dh.ts";
import { buildMhTable } from "../scheduler/mh.ts";
import { type Candidate, type Cursor, LOCALITY_SECONDS } from "../scheduler/scheduler.ts";
import { buildShTable } from "../scheduler/sh.ts";
import { weightRange } from "../scheduler/wrr.ts";
import {
  candidateCodec,
  candidateGroupCodec,
  type Plan,
  PlanFlag,
  PositionValue,
  ScheduleLimits,
  Scheduler,
  serverLoadCodec,
} from "../wire/abi.ts";
import { type Extent, Extents } from "./extents.ts";
import type { PacketPath } from "./packet-path.ts";
import { ticks } from "./timeouts.ts";

const SCHEDULER_NUMBERS = {
  rr: Scheduler.RR,
  wrr: Scheduler.WRR,
  lc: Scheduler.LC,
  wlc: Scheduler.WLC,
  sed: Scheduler.SED,
  nq: Scheduler.NQ,
  sh: Scheduler.SH,
  dh: Scheduler.DH,
  mh: Scheduler.MH,
  lblc: Scheduler.LBLC,
  lblcr: Scheduler.LBLCR,
  fo: Scheduler.FO,
  ovf: Scheduler.OVF,
  twos: Scheduler.TWOS,
} as const satisfies Record<SchedulerName, number>;

const FLAG_NUMBERS = { fallback: PlanFlag.FALLBACK, port: PlanFlag.PORT, third: PlanFlag.THIRD } as const satisfies Record<
  SchedulerFlag,
  number
>;

const TABLES: { readonly [Name in SchedulerName]?: (servers: readonly Candidate[]) => number[] } = {
  sh: buildShTable,
  dh: buildDhTable,
  mh: buildMhTable,
};

/** Their lists are cut into groups when they are long. */
const BY_LOAD: ReadonlySet<SchedulerName> = new Set(["lc", "wlc", "sed", "nq", "fo", "ovf", "lblc", "lblcr"]);

/** Of `candidate` and of `plan`. */
const WEIGHT_SUM_MAX = 2 ** 32 - 1;

/** Elements of `buckets` hold so many positions. */
const BUCKET_POSITIONS = 4;

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

interface Stretches {
  readonly candidates: Extent;
  readonly buckets: Extent;
  readonly groups: Extent;
}

export class PlanTable {
  readonly #path: PacketPath;
  readonly #used = new Map<number, Stretches>();
  readonly #candidates: Extents;
  readonly #buckets: Extents;
  readonly #groups: Extents;
  /** Goes round too. */
  #nextPlan = 0;

  constructor(path: PacketPath, usedPlans: Iterable<number>) {
    this.#path = path;
    this.#candidates = new Extents(path.candidates.length);
    this.#buckets = new Extents(path.buckets.length);
    this.#groups = new Extents(path.candidateGroups.length);
    for (const number of usedPlans) {
      const plan = this.read(number);
      this.#used.set(number, {
        candidates: this.#candidates.use({ first: plan.first, count: plan.count }),
        // Two plans may share a table.
        buckets: this.#buckets.use(bucketExtent(plan)),
        groups: this.#groups.use({ first: plan.firstGroup, count: groupCount(plan.count, plan.groupShift) }),
      });
      this.#nextPlan = Math.max(this.#nextPlan, number + 1);
    }
  }

  /** Writes a plan that begins at the cursor; its number. `before`: the plan whose place it takes. */
  write(content: PlanContent, cursor: Cursor, before?: number): number {
    const { members, scheduler, schedulerFlags = [], service } = content;
    const number = this.#unusedPlan();
    const old = before === undefined ? undefined : this.read(before);
    const table = TABLES[scheduler]?.(members) ?? [];
    const stretches = this.#take(content, table, before);
    const { candidates, groups, buckets } = stretches;
    if (buckets !== this.#bucketsOf(before)) this.#writeTable(buckets, table);
    this.#writeGroups(groups);
    const weightSum = this.#writeCandidates(candidates, members);
    const range = weightRange(members);
    const shift = groups.count === 0 ? 0 : groupShift(members.length);
    this.#path.maps.plans.update(number, {
      cursor: (BigInt(cursor.currentWeight) << 32n) | BigInt(cursor.position),
      scheduler: SCHEDULER_NUMBERS[scheduler],
      flags: schedulerFlags.reduce((all, flag) => all | FLAG_NUMBERS[flag], 0),
      first: candidates.first,
      count: members.length,
      weightMax: range.weightMax,
      weightDivisor: range.weightDivisor,
      service,
      firstBucket: buckets.first * BUCKET_POSITIONS,
      bucketCount: table.length,
      firstGroup: groups.first,
      groupShift: shift,
      weightSum,
      // A scheduler that goes on keeps what it remembers.
      memory: old?.scheduler === SCHEDULER_NUMBERS[scheduler] ? old.memory : randomInt(2 ** 32),
      memoryTicks: ticks(LOCALITY_SECONDS, jiffiesPerSecond()),
    });
    this.#used.set(number, stretches);
    this.#pointLoads(
      members.map((member) => member.number),
      { firstGroup: groups.first, groupShift: shift },
    );
    return number;
  }

  /** After a process that died before it pointed the service to the plan that it had written: the loads are noted for this one again. */
  settle(number: number): void {
    const plan = this.read(number);
    if (!this.#pointLoads(this.#serversOf(plan), plan)) return;
    const { view, stride } = this.#path.candidateGroups;
    for (let i = 0; i < groupCount(plan.count, plan.groupShift); i++) {
      const at = (plan.firstGroup + i) * stride + candidateGroupCodec.offsets.changes;
      view.setUint32(at, view.getUint32(at, true) + 1, true);
    }
  }

  /** No service points to it any more. */
  free(number: number): void {
    const stretches = this.#used.get(number);
    if (stretches === undefined) return;
    this.#used.delete(number);
    this.#candidates.free(stretches.candidates);
    this.#buckets.free(stretches.buckets);
    this.#groups.free(stretches.groups);
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
  candidates(plan: Plan): { readonly server: number; readonly weight: number; readonly lastWeight: number }[] {
    return Array.from({ length: plan.count }, (_, i) => this.#path.candidates.read(plan.first + i));
  }

  #serversOf({ first, count }: Plan): number[] {
    const { view, stride } = this.#path.candidates;
    return Array.from({ length: count }, (_, i) => view.getUint32((first + i) * stride + candidateCodec.offsets.server, true));
  }

  /** Where the packet path stands in its walk, now. */
  cursor(number: number): Cursor {
    const { cursor } = this.read(number);
    return { position: Number(cursor & 0xffff_ffffn), currentWeight: Number(cursor >> 32n) };
  }

  #unusedPlan(): number {
    const maxEntries = trialPlan(this.#path);
    for (let i = 0; i < maxEntries; i++) {
      const number = (this.#nextPlan + i) % maxEntries;
      if (this.#used.has(number)) continue;
      this.#nextPlan = number + 1;
      return number;
    }
    throw new EvenkeelError("LIMIT_REACHED", `the packet path holds ${maxEntries} services and has no room for another`);
  }

  /** Room for all that a plan points to, or for nothing of it. A table that is as the last plan's is shared with that. */
  #take({ scheduler, members }: PlanContent, table: readonly number[], before: number | undefined): Stretches {
    const shift = BY_LOAD.has(scheduler) ? groupShift(members.length) : 0;
    const old = this.#bucketsOf(before);
    const candidates = this.#candidates.take(members.length);
    const buckets =
      before !== undefined && old !== undefined && this.#holdsTable(before, table)
        ? this.#buckets.use(old)
        : this.#buckets.take(Math.ceil(table.length / BUCKET_POSITIONS));
    const groups = this.#groups.take(groupCount(members.length, shift));
    if (candidates !== undefined && buckets !== undefined && groups !== undefined) return { candidates, buckets, groups };
    this.#candidates.free(candidates);
    this.#buckets.free(buckets);
    this.#groups.free(groups);
    const [noun, length] =
      candidates === undefined
        ? ["lists", this.#path.candidates.length]
        : buckets === undefined
          ? ["hash tables", this.#path.buckets.length * BUCKET_POSITIONS]
          : ["groups of servers", this.#path.candidateGroups.length];
    throw new EvenkeelError(
      "LIMIT_REACHED",
      `the packet path has no room for the scheduler ${scheduler} with ${members.length} servers: all services' ${noun} together have ${length} places`,
      { cure: "spread services over several directors, or use schedulers that need less" },
    );
  }

  #bucketsOf(number: number | undefined): Extent | undefined {
    return number === undefined ? undefined : this.#used.get(number)?.buckets;
  }

  #holdsTable(number: number, table: readonly number[]): boolean {
    const { firstBucket, bucketCount } = this.read(number);
    if (bucketCount !== table.length || bucketCount === 0) return false;
    const elements = Array.from({ length: Math.ceil(bucketCount / BUCKET_POSITIONS) }, (_, i) =>
      this.#path.buckets.read(firstBucket / BUCKET_POSITIONS + i),
    );
    return elements.every(({ position }, i) =>
      position.every((each, j) => each === (table[i * BUCKET_POSITIONS + j] ?? PositionValue.POSITION_NONE)),
    );
  }

  #writeTable(extent: Extent, table: readonly number[]): void {
    for (let i = 0; i < extent.count; i++) {
      const position = Array.from({ length: BUCKET_POSITIONS }, (_, j) => table[i * BUCKET_POSITIONS + j] ?? PositionValue.POSITION_NONE);
      this.#path.buckets.write(extent.first + i, { position });
    }
  }

  /** The sum of the weights, cut to what 32 bits can hold: nobody becomes nothing. */
  #writeCandidates(extent: Extent, members: readonly Member[]): number {
    const unit = lotUnit(members);
    let weightSum = 0;
    for (const [i, { number, weight, lastWeight }] of members.entries()) {
      weightSum += Math.ceil(weight / unit);
      this.#path.candidates.write(extent.first + i, { server: number, weight, weightSum, lastWeight });
    }
    return weightSum;
  }

  /** Nothing is known of them yet: the count of changes is not the one of the look. */
  #writeGroups(extent: Extent): void {
    for (let i = 0; i < extent.count; i++)
      this.#path.candidateGroups.write(extent.first + i, { changes: 1 << 31, best: BigInt(PositionValue.POSITION_NONE) });
  }

  /**
   * Where changes of the members' loads are noted from now on; whether it was elsewhere. The groups of a new plan were written before, and
   * no packet looks at them until the service is pointed to it: so nothing of what happens meanwhile is missed.
   */
  #pointLoads(servers: readonly number[], { firstGroup, groupShift: shift }: Pick<Plan, "firstGroup" | "groupShift">): boolean {
    const { view, stride } = this.#path.serverLoad;
    let changed = false;
    for (const [i, number] of servers.entries()) {
      const at = number * stride + serverLoadCodec.offsets.group;
      const group = shift === 0 ? 0 : firstGroup + (i >> shift) + 1;
      if (view.getUint32(at, true) === group) continue;
      view.setUint32(at, group, true);
      changed = true;
    }
    return changed;
  }
}

/** The number that no service's plan gets: copies are put there, to be asked (trial.ts). */
export function trialPlan({ maps: { plans } }: PacketPath): number {
  return plans.maxEntries - 1;
}

function bucketExtent({ firstBucket, bucketCount }: Plan): Extent {
  return { first: firstBucket / BUCKET_POSITIONS, count: Math.ceil(bucketCount / BUCKET_POSITIONS) };
}

/**
 * How large the groups of so many candidates are, as a power of two; 0: there are none. With each new connection about two of them have
 * changed since the last (one opened, one closed), and a group costs as much as three candidates: measured by bench/schedulers.ts.
 */
function groupShift(candidates: number): number {
  return candidates <= ScheduleLimits.SCAN_MAX ? 0 : Math.round(Math.log2(Math.sqrt(candidates * 1.5)));
}

function groupCount(candidates: number, shift: number): number {
  return shift === 0 ? 0 : ((candidates - 1) >> shift) + 1;
}

/** What of the weights is one lot of twos: 1, unless their sum has more than 32 bits. */
function lotUnit(members: readonly Member[]): number {
  const sum = members.reduce((all, { weight }) => all + weight, 0);
  const room = WEIGHT_SUM_MAX - members.length;
  return sum <= WEIGHT_SUM_MAX ? 1 : 2 ** Math.ceil(Math.log2(sum / room));
}
