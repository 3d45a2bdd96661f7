/** One director a network namespace: it holds a lock as long as it lives, and leaves nothing in the runtime directory when it ends. */

import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import type { RuntimePlaces } from "../../director/places.ts";
import { takeOwnLock } from "../../kernel/own-lock.ts";
import { EvenkeelError } from "../../model/error.ts";

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

/** Throws CONFLICT when another director has it. */
export function claimNamespace(places: RuntimePlaces): Claim {
  try {
    mkdirSync(places.directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EvenkeelError("NOT_PERMITTED", TEXT.cannot(places.directory, why), { cure: TEXT.cannotCure, cause: error });
  }
  const lock = takeOwnLock(places.lock);
  if ("heldBy" in lock) throw new EvenkeelError("CONFLICT", TEXT.taken(lock.heldBy), { cure: TEXT.cure });
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
      rmSync(places.directory, { recursive: true, force: true });
      lock.release();
    },
  };
}
