/**
 * A director that was killed leaves its runtime directory, and that of a network namespace which is gone nobody would ever use again. Each director sweeps
 * those whose lock nobody holds when it starts. The lock is held while they go, so that a living director is never disturbed; one
 * that is just starting there sees that its lock has gone and begins again.
 */

import { readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { takeAbandonedLock } from "../../kernel/own-lock.ts";

const OF_A_NAMESPACE = /^net-\d+$/;
/** What is left then is swept at the next start. */
const LOOKED_AT_MAX = 4096;
const SWEEP_MS = 500;

/** Of the directories in `runtime`, but for the one named `own`; `lock` is the name of the lock file. Never throws. Returns how many went. */
export function sweepAbandoned(runtime: string, own: string, lock: string): number {
  const endMs = performance.now() + SWEEP_MS;
  let swept = 0;
  for (const name of namespacesIn(runtime).slice(0, LOOKED_AT_MAX)) {
    if (performance.now() > endMs) break;
    if (name !== own && sweep(join(runtime, name), lock)) swept++;
  }
  return swept;
}

function namespacesIn(runtime: string): readonly string[] {
  try {
    const entries = readdirSync(runtime, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && OF_A_NAMESPACE.test(entry.name)).map(({ name }) => name);
  } catch {
    // Sweeping is no part of the work.
    return [];
  }
}

function sweep(directory: string, lock: string): boolean {
  try {
    // Nobody's yet, or nobody's any more. Where a director begins to use it meanwhile this fails, or that one makes it anew.
    if (readdirSync(directory).length === 0) rmdirSync(directory);
    else {
      const held = takeAbandonedLock(join(directory, lock));
      if (held === undefined) return false;
      try {
        removeHeld(directory, lock);
      } finally {
        held.release();
      }
    }
    return true;
  } catch {
    // Another one sweeps it, a director has it, or it may not be touched: it stays.
    return false;
  }
}

/** With the lock held. It goes last: where this is cut short the next director goes on. Throws when somebody begins to use the directory meanwhile. */
export function removeHeld(directory: string, lock: string): void {
  for (const name of readdirSync(directory)) if (name !== lock) unlinkSync(join(directory, name));
  unlinkSync(join(directory, lock));
  rmdirSync(directory);
}
