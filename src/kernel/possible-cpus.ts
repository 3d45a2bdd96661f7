/** How many CPUs the kernel keeps a per-CPU value for: those that could ever be, not those that run. */

import { readFileSync } from "node:fs";

const PATH = "/sys/devices/system/cpu/possible";

let known: number | undefined;

export function possibleCpus(): number {
  known ??= countCpus(readFileSync(PATH, "utf8"));
  return known;
}

/** "0-3,5" is five: the kernel copies one value for each bit of cpu_possible_mask (bpf_percpu_array_copy). */
export function countCpus(list: string): number {
  let count = 0;
  for (const range of list.trim().split(",")) {
    const [from, to] = range.split("-").map(Number);
    if (from === undefined || !Number.isInteger(from)) throw new Error(`${PATH} says "${list.trim()}"`);
    count += (to ?? from) - from + 1;
  }
  return count;
}
