/** Round-robin: the next server after the last choice that may serve. Weights only say whether a server serves at all. */

import { type Candidate, type Cursor, type CursorScheduler, type Flow, listStep, mayServe } from "./scheduler.ts";

export interface RrMemory {
  /** The last choice + 1; 0 = before the list. */
  position: number;
}

export const rr: CursorScheduler<RrMemory> = {
  prepare(): RrMemory {
    return { position: 0 };
  },

  choose(servers: readonly Candidate[], _flow: Flow, memory: RrMemory): number | undefined {
    const count = servers.length;
    // Once around: the last choice itself comes last. Without a choice the place in the walk stays.
    for (let step = 0; step < count; step++) {
      const index = (memory.position + step) % count;
      const candidate = servers[index];
      if (candidate === undefined || !mayServe(candidate)) continue;
      memory.position = index + 1;
      return index;
    }
    return undefined;
  },

  changed(memory: RrMemory, before: readonly Candidate[], after: readonly Candidate[]): RrMemory {
    const step = listStep(before, after);
    // IPVS points at an element of the list, so the pointer goes with its element; when that is deleted, to the one before it.
    if (step.kind === "added") return { position: memory.position === 0 ? 0 : memory.position + 1 };
    if (step.kind === "deleted") return { position: memory.position > step.position ? memory.position - 1 : memory.position };
    return { position: memory.position };
  },

  cursor(memory: RrMemory): Cursor {
    return { position: memory.position, currentWeight: 0 };
  },

  resume(servers: readonly Candidate[], cursor: Cursor): RrMemory {
    return { position: Math.min(cursor.position, servers.length) };
  },
};
