/**
 * The processes of a lab, found as they are and not as they were written down: whoever stands in one of its namespaces, and whoever
 * carries its name in the environment. So a fresh `lab down` also finds what a killed command left.
 */

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../model/error.ts";
import { LAB_VARIABLE, namespaceFile } from "./commands.ts";

export interface LabProcess {
  readonly pid: number;
  readonly command: string;
  /** The namespace's inode. */
  readonly network: number | undefined;
}

const GONE_BEFORE_MS = 5_000;

export function namespaceInode(namespace: string): number {
  return statSync(namespaceFile(namespace)).ino;
}

/** `networks`: inodes of the lab's namespaces, which stay known after the namespaces lost their names. A zombie has neither mark. */
export function labProcesses(lab: string, networks: ReadonlySet<number>): LabProcess[] {
  const mark = `${LAB_VARIABLE}=${lab}`;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const network = networkOf(entry);
      const ours = (network !== undefined && networks.has(network)) || readProc(entry, "environ").split("\0").includes(mark);
      if (!ours) return [];
      return [{ pid: Number(entry), command: readProc(entry, "cmdline").replaceAll("\0", " ").trim(), network }];
    });
}

/** Ends them for good and waits until the kernel has buried them. */
export async function endLabProcesses(lab: string, networks: ReadonlySet<number>): Promise<LabProcess[]> {
  const ended = new Map<number, LabProcess>();
  const startMs = performance.now();
  // Again and again, because one that is listed may just be starting another.
  for (let left = labProcesses(lab, networks); left.length > 0; left = labProcesses(lab, networks)) {
    for (const one of left) {
      ended.set(one.pid, one);
      killHard(one.pid);
    }
    if (performance.now() - startMs > GONE_BEFORE_MS)
      throw new EvenkeelError("TIMEOUT", `process ${left[0]?.pid} (${left[0]?.command}) of lab "${lab}" does not end`, {
        facts: { pid: left[0]?.pid },
      });
    await sleep(2);
  }
  return [...ended.values()];
}

function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It was faster than we were.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function networkOf(pid: string): number | undefined {
  return whileItLives(() => Number(/^net:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1]));
}

function readProc(pid: string, file: string): string {
  return whileItLives(() => readFileSync(`/proc/${pid}/${file}`, "utf8")) ?? "";
}

/** Processes end while one reads about them, and kernel threads do not tell everything. */
function whileItLives<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
