/** A file that at most one process holds: flock(2), which ends with the process, however it ends. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import koffi from "koffi";
import { libc } from "./libc.ts";
import { Errno, systemCallError } from "./system-call.ts";

const LOCK_EX_NB = 6;

export interface OwnLock {
  release(): void;
}

/** Never waits. Otherwise who holds it, as that one says. */
export function takeOwnLock(file: string): OwnLock | { readonly heldBy: string } {
  const fd = openSync(file, "a+", 0o600);
  if (libc.flock(fd, LOCK_EX_NB) === 0) {
    showHolder(fd);
    return { release: () => closeSync(fd) };
  }
  const errno = koffi.errno();
  closeSync(fd);
  if (errno !== Errno.EAGAIN) throw systemCallError(`lock ${file}`, errno);
  return { heldBy: readFileSync(file, "utf8").trim() };
}

/** For people. */
function showHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    // The lock holds without it, and a full disk is no reason not to start.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
