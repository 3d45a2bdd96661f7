/**
 * Whom the packet path's own scheduler would choose, asked without a trace. It is asked under a copy of the plan, which has a cursor of its own;
 * what a destination had before (lblc, lblcr) it reads and writes in a place of its own too (PLAN_TRIAL). What it chose by is read before and after:
 * packets flow meanwhile.
 */

import { EvenkeelError } from "../model/error.ts";
import { type Locality, localityCodec, type Plan, PlanFlag, planCodec, Scheduler, type ServerLoad } from "../wire/abi.ts";
import { decoded } from "../wire/codec.ts";
import type { ChooseFlow, PacketPath } from "./packet-path.ts";
import { trialPlan } from "./plan-table.ts";

/** What a choice depends on, as it stood at one moment. */
export interface Sight {
  readonly plan: Plan;
  readonly loads: ReadonlyMap<number, ServerLoad>;
  /** What the flow's destination has; undefined: nothing. */
  readonly locality: Locality | undefined;
  readonly nowTicks: number;
}

export interface Trial {
  readonly sight: Sight;
  /** The number of the server that was chosen. */
  readonly server: number | undefined;
  /** Nothing that it depends on moved meanwhile. */
  readonly steady: boolean;
}

/** Where connections come and go all the time it will never be steady. */
const TRIES_MAX = 20;

const NO_PLAN = decoded(planCodec, new Uint8Array(planCodec.size));
const NO_LOCALITY = decoded(localityCodec, new Uint8Array(localityCodec.size));

/** `plan`: its number. Under the packet path lock. */
export function tryPlan(path: PacketPath, plan: number, flow: ChooseFlow): Trial {
  for (let tries = 1; ; tries++) {
    const sight = look(path, plan, flow);
    const server = ask(path, sight, flow);
    const steady = isSame(sight, look(path, plan, flow));
    if (steady || tries === TRIES_MAX) return { sight, server, steady };
  }
}

export function look(path: PacketPath, number: number, { destination, family }: Pick<ChooseFlow, "destination" | "family">): Sight {
  const plan = path.maps.plans.lookup(number);
  if (plan === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path has no plan ${number}`);
  const byLocality = plan.scheduler === Scheduler.LBLC || plan.scheduler === Scheduler.LBLCR;
  const locality = byLocality ? path.maps.localities.lookup({ address: destination, memory: plan.memory, family }) : undefined;
  const listed = Array.from({ length: plan.count }, (_, i) => path.candidates.read(plan.first + i).server);
  const numbers = [...listed, ...(locality?.server.slice(0, locality.count) ?? [])];
  return {
    plan,
    loads: new Map(numbers.map((each) => [each, path.serverLoad.read(each)])),
    locality,
    nowTicks: path.nowTicks(),
  };
}

function ask(path: PacketPath, { plan, locality }: Sight, flow: ChooseFlow): number | undefined {
  const copy = trialPlan(path);
  try {
    path.maps.locality_tried.update(0, locality ?? NO_LOCALITY);
    path.maps.plans.update(copy, { ...plan, flags: plan.flags | PlanFlag.TRIAL });
    return path.choose(copy, flow);
  } finally {
    path.maps.plans.update(copy, NO_PLAN);
    path.maps.locality_tried.update(0, NO_LOCALITY);
  }
}

function isSame(one: Sight, other: Sight): boolean {
  if (one.plan.cursor !== other.plan.cursor || !isSameLocality(one.locality, other.locality)) return false;
  return [...one.loads].every(([server, { active, total, flags }]) => {
    const then = other.loads.get(server);
    return then !== undefined && then.active === active && then.total === total && then.flags === flags;
  });
}

/** But for its last use, which changes nothing. */
function isSameLocality(one: Locality | undefined, other: Locality | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.count === other.count && one.lastChange === other.lastChange && one.server.every((server, i) => server === other.server[i]);
}
