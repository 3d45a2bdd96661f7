/** Checks several targets as the director would, for a number of rounds, and keeps what it would think of them. */

import type { PreparedCheck, Target } from "../../checker/checker.ts";
import { directDial } from "../../checker/dial.ts";
import { watchChecks } from "../../checker/watch.ts";
import { checkIsUncertain, type ServiceHealth, type ServiceHealthAction, serviceHealth } from "../../health/service-health.ts";
import { spreadPhase } from "../../health/timetable.ts";
import type { Verdict } from "../../model/health.ts";

export interface RoundsOptions {
  readonly targets: readonly Target[];
  readonly check: PreparedCheck;
  readonly rounds: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly weight: number;
  readonly quorum: number;
}

/** `index`: which target. */
type Heard = (index: number, verdict: Verdict, actions: readonly ServiceHealthAction[]) => void;

export async function probeRounds(options: RoundsOptions, heard: Heard): Promise<ServiceHealth> {
  const { targets, check, rounds, intervalMs, timeoutMs, rise, fall, weight, quorum } = options;
  const config = {
    servers: targets.map(() => ({ weight, inhibitOnFailure: false, checks: [{ rise, fall, initial: "unknown" as const }] })),
    quorum: { quorum, hysteresis: 0 },
    hasSorryServer: false,
  };
  let health: ServiceHealth = serviceHealth.start(config);
  const left = targets.map(() => rounds);
  const enough = new AbortController();
  // Nobody waits for the first place on the grid, and one round alone need not be spread.
  const nowPhase = (performance.now() / intervalMs) % 1;
  const checks = targets.map((target, index) => ({
    target,
    check,
    times: {
      intervalMs,
      fastIntervalMs: intervalMs,
      timeoutMs,
      phase: (nowPhase + (rounds === 1 ? 0 : spreadPhase(index))) % 1,
      jitter: 0,
      seed: index,
    },
  }));
  await watchChecks(checks, {
    dial: directDial,
    signal: enough.signal,
    heard(index, verdict) {
      const turn = left[index] ?? 0;
      if (turn > 0) {
        left[index] = turn - 1;
        const { state, actions } = serviceHealth.step(config, health, { kind: "verdict", server: index, check: 0, verdict });
        health = state;
        heard(index, verdict, actions);
        if (left.every((each) => each === 0)) enough.abort();
      }
      return checkIsUncertain(health, index, 0);
    },
  });
  return health;
}
