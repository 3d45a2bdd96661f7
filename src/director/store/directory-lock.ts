/** One director a state directory: a lock on a file in it, which ends with the process that holds it. */

import { join } from "node:path";
import { takeOwnLock } from "../../kernel/own-lock.ts";
import { EvenkeelError } from "../../model/error.ts";

const TEXT = {
  taken: (directory: string, holder: string) => `another director${holder} keeps its state in ${directory}`,
  cure: "stop it (SIGTERM) before another one starts, or name another state directory (--state)",
} as const;

/** Throws CONFLICT when another process has it. Returns how to give it back. */
export function lockDirectory(directory: string): () => void {
  const lock = takeOwnLock(join(directory, "lock"));
  if (!("heldBy" in lock)) return () => lock.release();
  const holder = /^\d+$/.test(lock.heldBy) ? ` (process ${lock.heldBy})` : "";
  throw new EvenkeelError("CONFLICT", TEXT.taken(directory, holder), { cure: TEXT.cure, facts: { directory } });
}
