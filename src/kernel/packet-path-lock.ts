/**
 * Changes of a packet path go one at a time: a lock that ends with the process that holds it. Each network namespace has its own, a byte of one file that only root
 * can open: who loads programs in one, which takes a second, keeps no director in another from taking a sick server out. What stands in the file says
 * who wrote last in each namespace: a director, which keeps its packet path open between two changes, sees by that whether another process
 * has been there meanwhile.
 */

import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { EvenkeelError } from "../model/error.ts";
import { lockByte, tryLockByte } from "./byte-lock.ts";
import { nowMs } from "./clock.ts";
import { currentCookie } from "./namespace.ts";

const LOCK_FILE = "/run/evenkeel/lock";
/** Above all cookies, which count up from 1. */
const WHOLE_MACHINE = 1n << 62n;
const RETRY_MS = 5;
/** Of so many namespaces a stamp is kept. One that is lost only makes a director look once more. */
const STAMPS_MAX = 64;

/** Waits at most `waitMs` for its turn, runs the work, and lets the next one in. */
export async function withPacketPathLock<T>(work: () => T | Promise<T>, waitMs = 30_000): Promise<T> {
  const fd = openLock();
  try {
    await acquire(fd, nowMs() + waitMs, waitMs);
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** What network namespaces share (a mount, what dead ones left) is changed by one process at a time: for milliseconds, and others wait. */
export function aloneOnMachine<T>(work: () => T): T {
  const fd = openLock();
  try {
    lockByte(fd, WHOLE_MACHINE);
    return work();
  } finally {
    closeSync(fd);
  }
}

/**
 * Who wrote last to the packet path of this network namespace; undefined: nobody that is remembered. Without the lock it may be seen half written, and be
 * another though nobody wrote here.
 */
export function packetPathStamp(): string | undefined {
  return readStamps().get(`${currentCookie()}`);
}

/** Every writer says so before it writes, with the lock held; returns its stamp. */
export function stampPacketPath(): string {
  const cookie = `${currentCookie()}`;
  const stamp = randomBytes(8).toString("hex");
  aloneOnMachine(() => {
    const stamps = readStamps();
    stamps.delete(cookie);
    const lines = [...stamps, [cookie, stamp] as const].slice(-STAMPS_MAX).map((each) => each.join(" "));
    // Cut short it has lost stamps, and no director takes the packet path for unchanged.
    try {
      writeFileSync(LOCK_FILE, `${lines.join("\n")}\n`);
    } catch (error) {
      throw new EvenkeelError("SYSTEM_CALL", `cannot write ${LOCK_FILE}: ${error instanceof Error ? error.message : String(error)}`, {
        cure: `make room in ${dirname(LOCK_FILE)}`,
        cause: error,
      });
    }
  });
  return stamp;
}

function readStamps(): Map<string, string> {
  if (!existsSync(LOCK_FILE)) return new Map();
  const lines = readFileSync(LOCK_FILE, "utf8").split("\n");
  return new Map(lines.map((line) => line.split(" ")).flatMap(([cookie, stamp]) => (cookie && stamp ? [[cookie, stamp]] : [])));
}

function openLock(): number {
  try {
    mkdirSync(dirname(LOCK_FILE), { recursive: true, mode: 0o755 });
    return openSync(LOCK_FILE, "a", 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    const denied = error.code === "EACCES" || error.code === "EPERM";
    throw new EvenkeelError(denied ? "NOT_PERMITTED" : "SYSTEM_CALL", `cannot open the lock ${LOCK_FILE}: ${error.message}`, {
      cure: denied ? "run as root (sudo)" : `${dirname(LOCK_FILE)} must be a directory that can be written`,
      cause: error,
    });
  }
}

async function acquire(fd: number, untilMs: number, waitMs: number): Promise<void> {
  const own = currentCookie();
  while (!tryLockByte(fd, own)) {
    if (nowMs() >= untilMs) {
      throw new EvenkeelError("TIMEOUT", `another process has been changing the packet path for ${waitMs / 1000} seconds`, {
        cure: `see what it is (fuser ${LOCK_FILE}) and try again`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
