/** The programs the bench needs: Debian's, and one of its own, compiled when its source is newer. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../src/lab/commands.ts";
import { EvenkeelError } from "../../src/model/error.ts";

const UDP_SOURCE = fileURLToPath(new URL("udp.c", import.meta.url));
export const UDP_PROGRAM = fileURLToPath(new URL("../../build/bench/udp", import.meta.url));

const PROGRAMS = ["clang", "curl", "ethtool", "haproxy", "iperf3", "ip", "nft", "nginx", "taskset", "wrk"];

export function prepareTools(): void {
  const missing = PROGRAMS.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  if (missing.length > 0)
    throw new EvenkeelError("COMMAND_FAILED", `the bench needs ${missing.join(", ")}`, { cure: "make setup-bench installs them" });
  if (existsSync(UDP_PROGRAM) && statSync(UDP_PROGRAM).mtimeMs > statSync(UDP_SOURCE).mtimeMs) return;
  mkdirSync(dirname(UDP_PROGRAM), { recursive: true });
  run("clang", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", UDP_PROGRAM, UDP_SOURCE]);
}
