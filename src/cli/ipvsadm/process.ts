/** `ipvsadm` as a process: its standard streams. */

import { readFileSync } from "node:fs";
import { runIpvsadm } from "./run.ts";

export function ipvsadmProcess(args: readonly string[]): Promise<number> {
  return runIpvsadm(args, {
    stdin: () => readFileSync(0),
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  });
}
