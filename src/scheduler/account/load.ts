/** The account of a choice by loads: lc, wlc, sed, nq, fo, ovf. */

import type { SchedulerName } from "../../model/service.ts";
import { expectedDelay, overhead } from "../counters.ts";
import { fo } from "../fo.ts";
import { lc } from "../lc.ts";
import { nq } from "../nq.ts";
import { ovf } from "../ovf.ts";
import type { Candidate, Scheduler } from "../scheduler.ts";
import { sed } from "../sed.ts";
import { wlc } from "../wlc.ts";
import { choose, type LoadAccount, type PassedOver, passedOverAnyway, type Share, type Situation } from "./account.ts";

interface Rule {
  readonly scheduler: Scheduler;
  readonly share: (server: Candidate) => Share;
  /** Of those that may serve at all. */
  readonly passesOver?: (server: Candidate) => PassedOver | undefined;
}

const RULES = {
  lc: { scheduler: lc, share: (server) => ({ load: overhead(server), weight: 1 }) },
  wlc: { scheduler: wlc, share: overheadShare },
  sed: { scheduler: sed, share: (server) => ({ load: expectedDelay(server), weight: server.weight }) },
  // An idle one has no load at all, so that none is better.
  nq: { scheduler: nq, share: (server) => ({ load: server.active === 0 ? 0 : expectedDelay(server), weight: server.weight }) },
  // The heaviest has the least of the same load.
  fo: { scheduler: fo, share: ({ weight }) => ({ load: 1, weight }) },
  ovf: {
    scheduler: ovf,
    share: ({ weight }) => ({ load: 1, weight }),
    passesOver: ({ active, weight }) => (active > weight ? "full" : undefined),
  },
} as const satisfies Partial<Record<SchedulerName, Rule>>;

export function loadAccount(name: keyof typeof RULES, situation: Situation): LoadAccount {
  const { scheduler, share, passesOver }: Rule = RULES[name];
  const passedOver = situation.servers.map((server) => passedOverAnyway(server) ?? passesOver?.(server));
  return {
    kind: "load",
    passedOver,
    shares: situation.servers.map((server, i) => (passedOver[i] === undefined ? share(server) : undefined)),
    chosen: choose(scheduler, {}, situation),
  };
}

/** As wlc compares. */
export function overheadShare(server: Candidate): Share {
  return { load: overhead(server), weight: server.weight };
}
