/** How we call clang for BPF: the flags every object shares, and what to say when the compiler or its headers are missing. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EvenkeelError } from "../src/model/error.ts";

const CURE = "apt-get install clang libbpf-dev";

/** The root of the tree, wherever the caller stands. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Compiles one C file to a BPF object. Throws LIBRARY_MISSING or COMMAND_FAILED with the compiler's own words. */
export function compileBpf(request: { source: string; output: string; defines?: readonly string[]; include?: readonly string[] }): void {
  const flags = [
    "-O2",
    "-g", // BTF comes from debug information
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-parameter", // a program's context is often not needed
    "-Wno-address-of-packed-member",
    "-target",
    "bpf",
    "-mcpu=v3", // atomics with a result
    ...(request.include ?? []).flatMap((directory) => ["-I", directory]),
    ...systemIncludes().flatMap((directory) => ["-idirafter", directory]),
    ...(request.defines ?? []).map((name) => `-D${name}`),
    "-c",
    request.source,
    "-o",
    request.output,
  ];
  const run = spawnSync("clang", flags, { encoding: "utf8" });
  if (run.error !== undefined) {
    throw new EvenkeelError("LIBRARY_MISSING", `cannot run clang to compile ${request.source}: ${run.error.message}`, { cure: CURE });
  }
  if (run.status === 0) return;
  if (/fatal error: '(bpf|linux|asm)\/[^']+' file not found/.test(run.stderr)) {
    throw new EvenkeelError("LIBRARY_MISSING", `a system header is missing while compiling ${request.source}:\n${run.stderr.trimEnd()}`, {
      cure: CURE,
    });
  }
  throw new EvenkeelError("COMMAND_FAILED", `clang refuses ${request.source}:\n${run.stderr.trimEnd()}`, {
    facts: { status: run.status ?? -1 },
  });
}

/** Debian keeps <asm/types.h> below the architecture's own directory, where a BPF target does not look by itself. */
function systemIncludes(): readonly string[] {
  const gcc = spawnSync("gcc", ["-print-multiarch"], { encoding: "utf8" });
  const triplets = gcc.status === 0 ? [gcc.stdout.trim()] : [];
  const machines: Record<string, string> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu", riscv64: "riscv64-linux-gnu" };
  const machine = machines[process.arch];
  if (machine !== undefined) triplets.push(machine);
  return [...new Set(triplets)]
    .filter((triplet) => triplet !== "")
    .map((triplet) => `/usr/include/${triplet}`)
    .filter((path) => existsSync(path));
}
