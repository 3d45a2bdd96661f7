/**
 * Source ports of the lab's client. Left to the kernel they are drawn at random, and of 3,000 some meet again soon: for the director
 * that is the old connection, not a new one, and no count comes out even. So each request gets the next one of a ring, which every
 * command of a lab shares.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { labDirectory, whileLocked } from "./state.ts";

/** Below those that the kernel gives to others. */
const FIRST = 1024;
const COUNT = 31_744;
const LOCK_WAIT_MS = 10_000;

/** Reserves as many in a row; see sourcePort(). */
export function reserveSourcePorts(lab: string, count: number): Promise<number> {
  const file = join(labDirectory(lab), "next-source-port");
  return whileLocked(
    `${lab}-ports`,
    () => {
      const first = existsSync(file) ? Number(readFileSync(file, "utf8")) : FIRST;
      writeFileSync(file, `${sourcePort(first, count)}\n`);
      return first;
    },
    LOCK_WAIT_MS,
  );
}

/** The i-th after the first, around the ring. */
export function sourcePort(first: number, i: number): number {
  return FIRST + ((first - FIRST + i) % COUNT);
}
