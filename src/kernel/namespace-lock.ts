/**
 * One at a time in a network namespace. The lock is on the namespace itself (its file below /proc, flock(2)): nothing is left
 * lying about, and it ends with the process that holds it.
 */

import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { libc } from "./libc.ts";
import { Errno, systemCallError } from "./system-call.ts";

const LOCK_EX_NB = 6;
const RETRY_MS = 5;

/** Waits at most `waitMs` for its turn, runs the work, and lets the next one in. */
export async function withNamespaceLock<T>(work: () => T | Promise<T>, waitMs = 30_000): Promise<T> {
  const fd = openSync("/proc/thread-self/ns/net", "r");
  try {
    await acquire(fd, waitMs);
    return await work();
  } finally {
    closeSync(fd);
  }
}

async function acquire(fd: number, waitMs: number): Promise<void> {
  for (let waited = 0; ; waited += RETRY_MS) {
    if (libc.flock(fd, LOCK_EX_NB) === 0) return;
    const errno = koffi.errno();
    if (errno !== Errno.EAGAIN && errno !== Errno.EINTR) throw systemCallError("lock the network namespace", errno);
    if (waited >= waitMs) {
      throw new EvenkeelError(
        "TIMEOUT",
        `another process has been changing this network namespace's packet path for ${waitMs / 1000} seconds`,
        {
          cure: "see what it is (fuser, ps) and try again",
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
