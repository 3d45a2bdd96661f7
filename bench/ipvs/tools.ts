/** The programs of `make bench-ipvs`, compiled when their source is newer. The emulated machine sees them at the same paths. */

import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../src/lab/commands.ts";
import { buildBpf } from "../../tools/build-bpf.ts";
import { compileBpf } from "../../tools/compiler.ts";

const SENDER_SOURCE = fileURLToPath(new URL("sender.c", import.meta.url));
const ENDS_SOURCE = fileURLToPath(new URL("ends.bpf.c", import.meta.url));

export const SENDER = fileURLToPath(new URL("../../build/bench/sender", import.meta.url));
export const ENDS = fileURLToPath(new URL("../../build/bench/ends.o", import.meta.url));

export function prepareTools(): void {
  buildBpf();
  mkdirSync(dirname(SENDER), { recursive: true });
  if (isStale(SENDER, SENDER_SOURCE)) run("clang", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", SENDER, SENDER_SOURCE, "-lbpf"]);
  if (isStale(ENDS, ENDS_SOURCE)) compileBpf({ source: ENDS_SOURCE, output: ENDS });
}

function isStale(output: string, source: string): boolean {
  return (statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0) < statSync(source).mtimeMs;
}
