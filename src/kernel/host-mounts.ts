/**
 * Ways to the machine's own mounts for a process that cannot see them: `ip netns exec` gives its command a /sys of its own, without what was
 * mounted below. Other processes' roots lead there (proc(5), /proc/PID/root): those of our forebears first, since they called us.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** /proc directories of our forebears, nearest first, and then of all other processes. Those that we may not look into are among them. */
export function* otherProcesses(): Generator<string> {
  const forebears = forebearsOf(process.pid);
  for (const pid of forebears) yield `/proc/${pid}`;
  const numbers = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  for (const pid of numbers) if (pid !== process.pid && !forebears.includes(pid)) yield `/proc/${pid}`;
}

/**
 * The mount namespace that outlives this command, as a path for nsenter(1): of the outermost forebear that we may look at. undefined: it is ours.
 */
export function lastingMountNamespace(): string | undefined {
  const ours = readlinkSync("/proc/self/ns/mnt");
  for (const pid of forebearsOf(process.pid).toReversed()) {
    const path = `/proc/${pid}/ns/mnt`;
    const theirs = linkAt(path);
    if (theirs !== undefined) return theirs === ours ? undefined : path;
  }
  return undefined;
}

/**
 * Whether this is the machine's (the container's) own network namespace: that of the outermost forebear that we may look at, who is process 1 where
 * nothing stands in the way. Who may look at none does not know, and takes it for another one.
 */
export function isOutermostNetwork(): boolean {
  const ours = readlinkSync("/proc/thread-self/ns/net");
  for (const pid of forebearsOf(process.pid).toReversed()) {
    const theirs = linkAt(`/proc/${pid}/ns/net`);
    if (theirs !== undefined) return theirs === ours;
  }
  return false;
}

/** Nearest first. */
function forebearsOf(self: number): readonly number[] {
  const found: number[] = [];
  for (let pid = parentOf(self); pid > 0 && !found.includes(pid); pid = parentOf(pid)) found.push(pid);
  return found;
}

/** 0 when there is none that we may see. */
function parentOf(pid: number): number {
  try {
    // The command's name stands in brackets and may hold anything.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** undefined: it is gone, or not ours to see. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
