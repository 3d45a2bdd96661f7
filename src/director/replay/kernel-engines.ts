/** Who is asked when recordings are replayed on the program in the kernel. */

import type { Engines } from "../../scheduler/recording/replay-recording.ts";
import type { StateEngine } from "../../scheduler/recording/replay-tables.ts";
import { KernelCaseEngine } from "./kernel-case-engine.ts";
import { KernelSchedulerEngine } from "./kernel-scheduler-engine.ts";
import { KernelStates } from "./kernel-states.ts";
import { ReplayStage } from "./replay-stage.ts";

/** The engines share a stage, so one recording at a time. `name` tells the stages of one process apart. */
export function withKernelEngines<T>(name: string, work: (engines: Engines) => T): T {
  const stage = new ReplayStage(name);
  try {
    return stage.inside(() =>
      work({
        scheduler: () => new KernelSchedulerEngine(stage),
        director: () => new KernelCaseEngine(stage),
        states: () => statesOf(new KernelStates(stage, ["tcp", "sctp"])),
      }),
    );
  } finally {
    stage.close();
  }
}

function statesOf(states: KernelStates): StateEngine {
  return { next: (cell) => states.step({ ...cell, family: "ipv4" }).state };
}
