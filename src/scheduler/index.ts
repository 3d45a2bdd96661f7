/** The tables of schedulers, by the name IPVS gives them. */

import type { SchedulerName } from "../model/service.ts";
import { dh } from "./dh.ts";
import { fo } from "./fo.ts";
import { lblc } from "./lblc.ts";
import { lblcr } from "./lblcr.ts";
import { lc } from "./lc.ts";
import { mh } from "./mh.ts";
import { nq } from "./nq.ts";
import { ovf } from "./ovf.ts";
import { rr } from "./rr.ts";
import { type CursorScheduler, listStep, type PlaceKeeper, type Scheduler } from "./scheduler.ts";
import { sed } from "./sed.ts";
import { sh } from "./sh.ts";
import { twos } from "./twos.ts";
import { wlc } from "./wlc.ts";
import { wrr } from "./wrr.ts";

export const schedulers = { rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos } satisfies Record<SchedulerName, Scheduler>;

/** Those that go on from their last choice. */
export const cursorSchedulers = { rr, wrr } satisfies Partial<Record<SchedulerName, CursorScheduler>>;

const NO_PLACE: PlaceKeeper = {
  prepare: () => ({}),
  changed(memory, before, after) {
    listStep(before, after);
    return memory;
  },
  cursor: () => ({ position: 0, currentWeight: 0 }),
  resume: () => ({}),
};

/** For callers that learn the name at run time; hand a memory back only to the scheduler that made it. */
export function schedulerOf(name: SchedulerName): Scheduler {
  return schedulers[name];
}

/** How the place in the list, where a scheduler has one, goes through changes of the list: what a writer of plans needs. */
export function placeKeeperOf(name: SchedulerName): PlaceKeeper {
  return name === "rr" || name === "wrr" ? cursorSchedulers[name] : NO_PLACE;
}

export function findScheduler(name: string): Scheduler | undefined {
  return isSchedulerName(name) ? schedulers[name] : undefined;
}

function isSchedulerName(name: string): name is SchedulerName {
  return Object.hasOwn(schedulers, name);
}
