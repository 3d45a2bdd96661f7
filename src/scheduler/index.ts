/** The table of schedulers, by the name IPVS gives them. */

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
import type { CursorScheduler, Scheduler } from "./scheduler.ts";
import { sed } from "./sed.ts";
import { sh } from "./sh.ts";
import { twos } from "./twos.ts";
import { wlc } from "./wlc.ts";
import { wrr } from "./wrr.ts";

/** Those that the packet path has too, so that a configuration may name them. */
export const schedulers = { rr, wrr } satisfies Record<SchedulerName, CursorScheduler>;

/** Every scheduler there is. */
export const allSchedulers = {
  ...schedulers,
  lc,
  wlc,
  sed,
  nq,
  sh,
  dh,
  mh,
  lblc,
  lblcr,
  fo,
  ovf,
  twos,
} satisfies Record<string, Scheduler>;

export type AnySchedulerName = keyof typeof allSchedulers;

/** For callers that learn the name at run time; hand a memory back only to the scheduler that made it. */
export function schedulerOf(name: SchedulerName): CursorScheduler {
  return schedulers[name];
}

export function findScheduler(name: string): Scheduler | undefined {
  return isSchedulerName(name) ? allSchedulers[name] : undefined;
}

function isSchedulerName(name: string): name is AnySchedulerName {
  return Object.hasOwn(allSchedulers, name);
}
