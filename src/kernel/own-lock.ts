/** A file that at most one process holds: flock(2), which ends with the process, however it ends. */

import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import koffi from "koffi";
import { libc } from "./libc.ts";
import { Errno, systemCallError } from "./system-call.ts";

const LOCK_EX_NB = 6;
/** So often the file may be taken away between opening and locking it; each time another process has swept. */
const TRIES_MAX = 100;

export interface OwnLock {
  release(): void;
}

export interface HeldLock {
  readonly heldBy: string;
}

/** Never waits. Otherwise who holds it, as that one says. */
export function takeOwnLock(file: string): OwnLock | HeldLock {
  const fd = lockedAt(file, "a+");
  if (fd === undefined) return { heldBy: holderOf(file) };
  showHolder(fd);
  return { release: () => closeSync(fd) };
}

/** Of a file that is there already, to sweep what belongs to it; undefined when somebody holds it. */
export function takeAbandonedLock(file: string): OwnLock | undefined {
  const fd = lockedAt(file, "r+");
  return fd === undefined ? undefined : { release: () => closeSync(fd) };
}

/** The lock counts only when the file is still the one at its path: who sweeps removes it with the lock held, and others may have opened it before. */
function lockedAt(file: string, flags: "a+" | "r+"): number | undefined {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const fd = openSync(file, flags, 0o600);
    if (libc.flock(fd, LOCK_EX_NB) !== 0) {
      const errno = koffi.errno();
      closeSync(fd);
      if (errno === Errno.EAGAIN) return undefined;
      throw systemCallError(`lock ${file}`, errno);
    }
    if (isAt(fd, file)) return fd;
    closeSync(fd);
  }
  return undefined;
}

function isAt(fd: number, file: string): boolean {
  const there = statSync(file, { throwIfNoEntry: false, bigint: true });
  const ours = fstatSync(fd, { bigint: true });
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev;
}

/** It may be gone again. */
function holderOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
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
