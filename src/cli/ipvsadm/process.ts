/** `ipvsadm` as a process: its standard streams. */

import { readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runIpvsadm } from "./run.ts";

export function ipvsadmProcess(args: readonly string[]): Promise<number> {
  return runIpvsadm(args, {
    stdin: readStandardInput,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  });
}

const STANDARD_INPUT = 0;
const CHUNK = 1 << 16;
const RETRY_MS = 10;

/** Not process.stdin, which takes a directory for an empty file: -R would restore nothing and be content. */
async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    try {
      const length = readSync(STANDARD_INPUT, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      // A pipe whose other end is slow, and which one of its holders has made non-blocking.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      await sleep(RETRY_MS);
    }
  }
}
