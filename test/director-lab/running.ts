/** `evenkeel run` on the lab's director, and the commands that a person gives there: everything from outside, as users have it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Measures } from "../../src/director/director.ts";
import { directorSocket } from "../../src/director/places.ts";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { inside, labEnvironment, namespaceFile, spawnInside } from "../../src/lab/commands.ts";
import { labProcesses } from "../../src/lab/processes.ts";
import { labDirectory } from "../../src/lab/state.ts";
import { namespaceOf } from "../../src/lab/topology.ts";
import type { JournalEntry } from "../../src/model/journal.ts";
import { ask, DirectorProcess } from "./director-process.ts";

const EVENKEEL = fileURLToPath(new URL("../../bin/evenkeel", import.meta.url));
const COMMAND_WITHIN_MS = 30_000;

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Where the lab's director keeps its state: goes with the lab. */
export function stateOf(lab: string): string {
  return join(labDirectory(lab), "state");
}

export function socketOf(lab: string): string {
  return inNamespace(namespaceFile(namespaceOf(lab, "director")), () => directorSocket({}));
}

export function spawnDirector(lab: string, file: string): DirectorProcess {
  const command = [EVENKEEL, "run", "--state", stateOf(lab), file];
  const child = spawnInside(lab, namespaceOf(lab, "director"), command, { stdio: ["ignore", "pipe", "pipe"], env: { NO_COLOR: "1" } });
  return new DirectorProcess(child, socketOf(lab));
}

export async function startDirector(lab: string, file: string): Promise<DirectorProcess> {
  const director = spawnDirector(lab, file);
  await director.ready();
  return director;
}

/** `evenkeel ...` where the director stands. */
export function evenkeel(lab: string, ...args: readonly string[]): Promise<Said> {
  const { program, args: whole } = inside(namespaceOf(lab, "director"), [EVENKEEL, ...args]);
  const options = { timeout: COMMAND_WITHIN_MS, maxBuffer: 64 << 20, env: { ...labEnvironment(lab), NO_COLOR: "1" } };
  return new Promise((resolve, reject) => {
    const child = execFile(program, whole, options, (error, out, err) => {
      if (error !== null && typeof error.code !== "number")
        reject(new Error(`evenkeel ${args.join(" ")} did not come to its end`, { cause: error }));
      else resolve({ code: child.exitCode, out, err });
    });
  });
}

/** The same, which must succeed. */
export async function evenkeelDone(lab: string, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await evenkeel(lab, ...args);
  assert.equal(code, 0, `evenkeel ${args.join(" ")} ended with ${code}: ${err}${out}`);
  return out;
}

/** Everything that the director has told, oldest first, after an entry. */
export async function eventsAfter(lab: string, after = 0): Promise<readonly JournalEntry[]> {
  const { status, text } = await ask(socketOf(lab), `/v1/events?after=${after}`);
  assert.equal(status, 200, text);
  return (JSON.parse(text) as { events: readonly JournalEntry[] }).events;
}

export async function lastEvent(lab: string): Promise<number> {
  return (await eventsAfter(lab)).at(-1)?.seq ?? 0;
}

/** Waits until something holds; `what` completes "... within N ms". Returns how long it took. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number, everyMs = 20): Promise<number> {
  const startMs = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - startMs < withinMs, `${what} within ${withinMs} ms`);
    await sleep(everyMs);
  }
  return performance.now() - startMs;
}

/** How many checks came to an end since the director started, by outcome. */
export async function checksMade(lab: string): Promise<{ readonly passed: number; readonly others: number }> {
  const { status, text } = await ask(socketOf(lab), "/v1/measures");
  assert.equal(status, 200, text);
  const { checks } = JSON.parse(text) as Pick<Measures, "checks">;
  const sum = (passed: boolean) =>
    checks.filter(({ outcome }) => (outcome === "pass") === passed).reduce((all, { count }) => all + count, 0);
  return { passed: sum(true), others: sum(false) };
}

/** The process ends at once, the host stays: connections to it are refused. */
export function killWebProcess(lab: string, server: string): void {
  const found = labProcesses(lab, new Set()).filter(({ command }) => command.includes(`host-server.ts ${server} `));
  assert.equal(found.length, 1, `${server} has one web process`);
  for (const { pid } of found) process.kill(pid, "SIGKILL");
}
