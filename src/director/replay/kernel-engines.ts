/** Who is asked when recordings are replayed on the program in the kernel. */

import { BadRecording } from "../../scheduler/recording/recorded.ts";
import type { Engines } from "../../scheduler/recording/replay-recording.ts";
import { KernelCaseEngine } from "./kernel-case-engine.ts";
import { ReplayStage } from "./replay-stage.ts";

/** The engines share a stage, so one recording at a time. `name` tells the stages of one process apart. */
export function withKernelEngines<T>(name: string, work: (engines: Engines) => T): T {
  const stage = new ReplayStage(name);
  try {
    return stage.inside(() => work({ scheduler: () => noSchedulerYet(), director: () => new KernelCaseEngine(stage) }));
  } finally {
    stage.close();
  }
}

function noSchedulerYet(): never {
  throw new BadRecording("the program in the kernel cannot be asked for one scheduler's choices yet");
}
