/**
 * What passed before need not run again while nothing changed: no file of the tree, neither kernel nor Node, nor the user. FRESH=1
 * and CI run everything. Only files all of whose tests passed are remembered.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestVerdict } from "./test-events.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MEMORY = join(ROOT, "build", "passed-before.json");

interface Memory {
  readonly state: string;
  readonly files: Record<string, readonly TestVerdict[]>;
}

export interface PassedBefore {
  recall(file: string): readonly TestVerdict[] | undefined;
  remember(file: string, verdicts: readonly TestVerdict[]): void;
}

export function passedBefore(): PassedBefore {
  const state = stateOfEverything();
  if (state === undefined) return { recall: () => undefined, remember: () => {} };
  const before = read();
  const memory: Memory = before?.state === state ? before : { state, files: {} };
  const forgetful = process.env["FRESH"] === "1" || process.env["CI"] === "true";
  return {
    recall: (file) => (forgetful ? undefined : memory.files[file]),
    remember: (file, verdicts) => {
      memory.files[file] = verdicts;
      mkdirSync(dirname(MEMORY), { recursive: true });
      // Whole or not at all, also when we are killed.
      writeFileSync(`${MEMORY}.${process.pid}.tmp`, JSON.stringify(memory));
      renameSync(`${MEMORY}.${process.pid}.tmp`, MEMORY);
    },
  };
}

/** undefined: it cannot be told (no git), so nothing is taken from before. */
function stateOfEverything(): string | undefined {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
  if (listed.status !== 0) return undefined;
  const hash = createHash("sha256").update([release(), process.version, process.arch, process.getuid?.()].join("\0"));
  for (const name of listed.stdout
    .split("\0")
    .filter((each) => each !== "")
    .toSorted()) {
    const path = join(ROOT, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    hash.update(`\0${name}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

function read(): Memory | undefined {
  try {
    return JSON.parse(readFileSync(MEMORY, "utf8")) as Memory;
  } catch {
    // Not there yet, or cut short by something stronger than us: then everything runs.
    return undefined;
  }
}
