/** Monotonic time, and the kernel's tick. */

import { libc } from "./libc.ts";
import { checkCall } from "./system-call.ts";

const CLOCK_MONOTONIC = 1;
const CLOCK_MONOTONIC_COARSE = 6;
const NS_A_SECOND = 1_000_000_000n;

/** Milliseconds since boot, suspended time left out: CLOCK_MONOTONIC, what bpf_ktime_get_ns() counts as well. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

export function nowNs(): bigint {
  return readTime((result) => libc.clock_gettime(CLOCK_MONOTONIC, result), "read the monotonic clock");
}

/** Jiffies a second (CONFIG_HZ): the coarse clock advances once a tick. */
export function jiffiesPerSecond(): number {
  return Number(NS_A_SECOND / readTime((result) => libc.clock_getres(CLOCK_MONOTONIC_COARSE, result), "read the length of a tick"));
}

/** struct timespec. */
function readTime(call: (result: Uint8Array) => number, attempted: string): bigint {
  const result = new BigInt64Array(2);
  checkCall(call(new Uint8Array(result.buffer)), attempted);
  return (result[0] ?? 0n) * NS_A_SECOND + (result[1] ?? 0n);
}
