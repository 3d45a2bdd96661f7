/**
 * Compiles bpf/*.bpf.c into build/bpf/*.o, each only when it or any header is newer than its object.
 * Of some sources two objects are made, one a hook; every other source becomes one.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileBpf, ROOT } from "./compiler.ts";

const SOURCES = join(ROOT, "bpf");
const OBJECTS = join(ROOT, "build", "bpf");
const ONE_A_HOOK = new Set(["director", "bench"]);

interface Target {
  readonly source: string;
  readonly output: string;
  readonly defines: readonly string[];
}

export interface BuildResult {
  /** Object files that had to be compiled, by path. */
  readonly built: readonly string[];
  /** Object files that were fresh. */
  readonly fresh: readonly string[];
}

/** Where the object of that name ("director-tc", "decap") lies once built. */
export function bpfObjectPath(name: string): string {
  return join(OBJECTS, `${name}.o`);
}

export function buildBpf(): BuildResult {
  mkdirSync(OBJECTS, { recursive: true });
  const names = readdirSync(SOURCES);
  const headersMs = newestMs([...names.filter((name) => name.endsWith(".h")).map((name) => join(SOURCES, name)), ...toolFiles()]);
  const built: string[] = [];
  const fresh: string[] = [];
  for (const target of names.filter((name) => name.endsWith(".bpf.c")).flatMap(targetsOf)) {
    const neededMs = Math.max(headersMs, newestMs([target.source]));
    if (modifiedMs(target.output) >= neededMs) {
      fresh.push(target.output);
      continue;
    }
    compile(target);
    built.push(target.output);
  }
  return { built, fresh };
}

function targetsOf(name: string): readonly Target[] {
  const source = join(SOURCES, name);
  const stem = basename(name, ".bpf.c");
  if (!ONE_A_HOOK.has(stem)) return [{ source, output: bpfObjectPath(stem), defines: [] }];
  return [
    { source, output: bpfObjectPath(`${stem}-tc`), defines: ["HOOK_TC"] },
    { source, output: bpfObjectPath(`${stem}-xdp`), defines: ["HOOK_XDP"] },
  ];
}

/** By way of a name of its own, so that two builds at once and an interrupted one leave no half object behind. */
function compile(target: Target): void {
  const unfinished = `${target.output}.${process.pid}`;
  try {
    compileBpf({ source: target.source, output: unfinished, defines: target.defines, include: [SOURCES] });
    renameSync(unfinished, target.output);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Other flags make other objects. */
function toolFiles(): readonly string[] {
  return [fileURLToPath(import.meta.url), join(ROOT, "tools", "compiler.ts")];
}

function newestMs(paths: readonly string[]): number {
  return Math.max(0, ...paths.map(modifiedMs));
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (import.meta.main) {
  try {
    const { built, fresh } = buildBpf();
    console.log(`bpf: ${built.length} compiled, ${fresh.length} fresh`);
  } catch (error) {
    console.error(`build-bpf: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
