/**
 * What a lab leaves on disk: /run/evenkeel/lab/NAME/ with lab.json, the director's configuration, the servers' sockets and logs. The
 * namespaces themselves say which labs exist; the files only remember how each was asked for. Also the lock on a lab: an abstract
 * socket, which the kernel frees whatever becomes of its holder.
 */

import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../model/error.ts";
import type { LabOptions } from "./topology.ts";

const ROOT = "/run/evenkeel/lab";

export interface LabState {
  readonly options: LabOptions;
  /** False until `up` came to its end. */
  readonly complete: boolean;
  readonly mishaps: readonly Mishap[];
}

/** A mistake made on purpose, and where. */
export interface Mishap {
  readonly name: string;
  readonly node: string;
}

export function labDirectory(lab: string): string {
  return join(ROOT, lab);
}

/** Names of all labs of which anything is left: namespaces, whole or half built, or files. */
export function labNames(): string[] {
  const byNamespace = namespaces().map((name) => /^ek-([a-z0-9]+)-(?:client|router|director|switch|rs\d+)$/.exec(name)?.[1]);
  const names = [...byNamespace, ...listing(ROOT)].filter((name) => name !== undefined);
  return [...new Set(names)].sort();
}

export function labNamespaces(lab: string): string[] {
  return namespaces().filter((name) => name.startsWith(`ek-${lab}-`));
}

export function readState(lab: string): LabState | undefined {
  const file = stateFile(lab);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LabState;
  } catch (cause) {
    throw new EvenkeelError("COMMAND_FAILED", `${file} cannot be read`, { cure: `evenkeel lab down --name ${lab}, then up again`, cause });
  }
}

/** Replaced as a whole, so that a reader sees the old or the new. */
export function writeState(state: LabState): void {
  const { name } = state.options;
  mkdirSync(labDirectory(name), { recursive: true, mode: 0o755 });
  writeFileSync(`${stateFile(name)}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${stateFile(name)}.new`, stateFile(name));
}

/** Removes the lab's files, and the directories above once they are empty. */
export function removeState(lab: string): void {
  rmSync(labDirectory(lab), { recursive: true, force: true });
  for (const directory of [ROOT, "/run/evenkeel"]) {
    if (!existsSync(directory) || listing(directory).length > 0) return;
    rmdirSync(directory);
  }
}

/** Does the work while no other command may change this lab. Waits for one that does, at most `waitMs`. */
export async function whileLocked<Result>(lab: string, work: () => Result | Promise<Result>, waitMs = 0): Promise<Result> {
  const lock = await takeLock(lab, performance.now() + waitMs);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function takeLock(lab: string, deadlineMs: number): Promise<Server> {
  for (;;) {
    const lock = createServer();
    lock.listen({ path: `\0evenkeel-lab-${lab}` });
    try {
      await once(lock, "listening");
      return lock;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
    if (performance.now() >= deadlineMs)
      throw new EvenkeelError("LAB_BUSY", `lab "${lab}" is just being changed by another command`, {
        cure: `wait for it to end; if it hangs, end it and run: evenkeel lab down --name ${lab}`,
      });
    await sleep(50);
  }
}

function stateFile(lab: string): string {
  return join(labDirectory(lab), "lab.json");
}

function namespaces(): string[] {
  return listing("/run/netns");
}

function listing(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
