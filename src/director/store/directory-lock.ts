/** One director a state directory: a lock on a file in it (flock(2)), which ends with the process that holds it. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { libc } from "../../kernel/libc.ts";
import { Errno, systemCallError } from "../../kernel/system-call.ts";
import { EvenkeelError } from "../../model/error.ts";

const LOCK_EX_NB = 6;

const TEXT = {
  taken: (directory: string, holder: string) => `another director${holder} keeps its state in ${directory}`,
  cure: "stop it (SIGTERM) before another one starts, or name another state directory (--state)",
} as const;

/** Throws CONFLICT when another process has it. Returns how to give it back. */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  const fd = openSync(path, "a+", 0o600);
  try {
    if (libc.flock(fd, LOCK_EX_NB) !== 0) {
      const errno = koffi.errno();
      if (errno !== Errno.EAGAIN) throw systemCallError(`lock ${path}`, errno);
      throw new EvenkeelError("CONFLICT", TEXT.taken(directory, holderOf(path)), { cure: TEXT.cure, facts: { directory } });
    }
    // For people, and for the message above.
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return () => closeSync(fd);
}

function holderOf(path: string): string {
  const text = readFileSync(path, "utf8").trim();
  return /^\d+$/.test(text) ? ` (process ${text})` : "";
}
