/** Replays any recording: scripts of one scheduler's operations, cases of a whole director, or tables. Told apart by their form. */

import { EvenkeelError } from "../../model/error.ts";
import { type ReplayEngine, replay } from "../replay.ts";
import { SchedulerEngine } from "../replay-engine.ts";
import type { Occasion } from "../scheduler.ts";
import { type CaseEngine, ModelEngine } from "./case-engine.ts";
import { BadRecording, fieldsOf, type ReplayResult } from "./recorded.ts";
import { isCase, replayCase } from "./replay-case.ts";
import { isTables, replayTables, type StateEngine } from "./replay-tables.ts";

/** Who is asked: a scheduler by itself, a whole director, and the states of a connection. */
export interface Engines {
  readonly scheduler: () => ReplayEngine;
  readonly director: () => CaseEngine;
  /** Left out: the tables in TypeScript. */
  readonly states?: () => StateEngine;
}

/** The reference in TypeScript. No recording can hold a scheduler that draws lots, so there are none to draw. */
export function referenceEngines(): Engines {
  const chance: Occasion["chance"] = () => {
    throw new BadRecording("a scheduler that draws lots cannot be replayed");
  };
  return { scheduler: () => new SchedulerEngine(chance), director: () => new ModelEngine(chance) };
}

/** `recording` is the parsed JSON. Undefined: not a recording. Throws BadRecording when it is one, but broken. */
export function replayRecording(recording: unknown, engines: Engines): ReplayResult | undefined {
  if (typeof recording !== "object" || recording === null || Array.isArray(recording)) return undefined;
  const fields = fieldsOf(recording, "the recording");
  try {
    if (isCase(fields)) return replayCase(fields, engines.director);
    if ("scenarios" in fields) return replayScenarios(fields, engines.scheduler());
    return isTables(fields) ? replayTables(fields, engines.scheduler, engines.states) : undefined;
  } catch (error) {
    // An address in a recording that is none is the recording's fault, not that of whoever asked for the replay.
    if (error instanceof EvenkeelError) throw new BadRecording(error.message, { cause: error });
    throw error;
  }
}

function replayScenarios(recording: unknown, engine: ReplayEngine): ReplayResult {
  const { decisions, differences } = replay(recording, engine);
  const name = (id: number | undefined) => (id === undefined ? "nobody" : `server ${id}`);
  return {
    decisions,
    differences: differences.map(({ seed, operation, expected, chosen }) => ({
      part: seed,
      event: operation,
      expected: name(expected),
      chosen: name(chosen),
    })),
  };
}
