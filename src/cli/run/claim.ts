/** One director a network namespace: it holds a lock as long as it lives, and leaves nothing in the runtime directory when it ends. */

import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RuntimePlaces } from "../../director/places.ts";
import { type HeldLock, type OwnLock, takeOwnLock } from "../../kernel/own-lock.ts";
import { EvenkeelError } from "../../model/error.ts";
import { removeHeld, sweepAbandoned } from "./sweep.ts";

/** A director that sweeps what a killed one left here holds the lock for less than this. */
const SWEPT_WITHIN_MS = 1000;
const RETRY_MS = 10;

export interface Claim {
  /** The commands of this namespace find the director there, wherever it listens. */
  show(socket: string): void;
  release(): void;
}

const TEXT = {
  taken: (pid: string) => `a director runs in this network namespace already: process ${pid}`,
  cure: "end that one first (systemctl stop evenkeel, or SIGTERM); evenkeel status shows what it does",
  cannot: (directory: string, why: string) => `cannot use ${directory}: ${why}`,
  cannotCure: "run as root (sudo)",
};

/** Throws CONFLICT when another director has it. What directors that are gone have left of other namespaces is swept. */
export async function claimNamespace(places: RuntimePlaces): Promise<Claim> {
  const lock = await takeLock(places);
  if ("heldBy" in lock) throw new EvenkeelError("CONFLICT", TEXT.taken(lock.heldBy), { cure: TEXT.cure });
  sweepAbandoned(dirname(places.directory), basename(places.directory), basename(places.lock));
  const links: string[] = [];
  const link = (from: string, to: string): void => {
    // Of a director that was killed.
    rmSync(from, { force: true });
    symlinkSync(to, from);
    links.push(from);
  };
  return {
    show(socket) {
      if (socket !== places.socket) link(places.socket, socket);
      if (places.alias !== undefined && places.alias !== socket) link(places.alias, socket);
    },
    release() {
      for (const path of links) rmSync(path, { force: true });
      removeDirectory(places);
      lock.release();
    },
  };
}

async function takeLock(places: RuntimePlaces): Promise<OwnLock | HeldLock> {
  for (const endMs = performance.now() + SWEPT_WITHIN_MS; ; await sleep(RETRY_MS)) {
    const isLast = performance.now() >= endMs;
    try {
      mkdirSync(places.directory, { recursive: true, mode: 0o755 });
      const lock = takeOwnLock(places.lock);
      if (isLast || !("heldBy" in lock)) return lock;
    } catch (error) {
      // Swept away between the two.
      if (!isLast && error instanceof Error && "code" in error && error.code === "ENOENT") continue;
      const why = error instanceof Error ? error.message : String(error);
      throw new EvenkeelError("NOT_PERMITTED", TEXT.cannot(places.directory, why), { cure: TEXT.cannotCure, cause: error });
    }
  }
}

function removeDirectory({ directory, lock }: RuntimePlaces): void {
  try {
    removeHeld(directory, basename(lock));
  } catch {
    // Another director has begun there already, or the directory is gone; and the end of this one is no time to fail.
  }
}
