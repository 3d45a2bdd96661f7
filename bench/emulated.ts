/** What a script says that runs in the emulated machine (tools/vm-run), where Debian's kernel has IPVS. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isRoot } from "../src/kernel/capability.ts";
import { EvenkeelError } from "../src/model/error.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT_MAX = 16 << 20;

export function requireRoot(): void {
  if (!isRoot()) throw new EvenkeelError("NOT_PERMITTED", "the emulated machine reads this one's file system, which takes root");
}

interface Machine {
  readonly timeoutSeconds: number;
  /** More of vm-run's options. */
  readonly options?: readonly string[];
}

/** Runs a script of ours in there; the values that it printed, a line of JSON each. */
export function runEmulated<Line>({ timeoutSeconds, options = [] }: Machine, script: string, args: readonly string[]): Line[] {
  const guest = ["node_modules/.bin/node", "--disable-warning=ExperimentalWarning", script, ...args];
  const machine = ["--mem", "1536", "--timeout", String(timeoutSeconds), ...options];
  const ran = spawnSync(join(ROOT, "tools", "vm-run"), [...machine, "--", ...guest], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: OUTPUT_MAX,
  });
  if (ran.error !== undefined) throw new EvenkeelError("COMMAND_FAILED", `cannot run tools/vm-run: ${ran.error.message}`);
  if (ran.status !== 0) throw new EvenkeelError("COMMAND_FAILED", `the emulated machine ended with ${ran.status}:\n${ran.stderr.trim()}`);
  return ran.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}
