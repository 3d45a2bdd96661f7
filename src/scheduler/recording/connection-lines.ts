/** Compares two lists of /proc/net/ip_vs_conn: the same connections in any order, with the same time left but for a second. */

import type { Difference } from "./recorded.ts";

const SECONDS_TOLERATED = 1;

/** Both sides of what differs; the same text twice when nothing does. */
export function differentConnections(expected: readonly string[], found: readonly string[]): Pick<Difference, "expected" | "chosen"> {
  const wanted = [...expected].map(split).sort(inOrder);
  const present = [...found].map(split).sort(inOrder);
  for (let i = 0; i < Math.max(wanted.length, present.length); i++) {
    const one = wanted[i];
    const other = present[i];
    if (one === undefined || other === undefined || one.what !== other.what || Math.abs(one.seconds - other.seconds) > SECONDS_TOLERATED) {
      return { expected: show(one), chosen: show(other) };
    }
  }
  return { expected: "", chosen: "" };
}

interface Line {
  readonly what: string;
  readonly seconds: number;
}

function split(line: string): Line {
  const words = line.split(" ");
  return { what: words.slice(0, 8).join(" "), seconds: Number(words[8]) };
}

function inOrder(one: Line, other: Line): number {
  if (one.what !== other.what) return one.what < other.what ? -1 : 1;
  return one.seconds - other.seconds;
}

function show(line: Line | undefined): string {
  return line === undefined ? "no such connection" : `${line.what} ${line.seconds}`;
}
