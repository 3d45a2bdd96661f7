/** How long a connection lives without a packet, by its state: the defaults of IPVS (ip_vs_proto_tcp.c, ip_vs_proto_udp.c). */

import { Limits, TcpState, Timeout } from "../wire/abi.ts";

const TCP_SECONDS = {
  NONE: 2,
  ESTABLISHED: 15 * 60,
  SYN_SENT: 2 * 60,
  SYN_RECV: 60,
  FIN_WAIT: 2 * 60,
  TIME_WAIT: 2 * 60,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 2 * 60,
  SYNACK: 2 * 60,
} as const satisfies Record<Exclude<keyof typeof TcpState, "COUNT">, number>;

const UDP_SECONDS = 5 * 60;
/** A template past its time asks again whether its connections live. */
const LINGER_SECONDS = 60;

/** In the order of struct settings.timeout. */
export function timeoutTicks(jiffiesPerSecond: number): number[] {
  const timeouts = Array<number>(Timeout.COUNT * Timeout.SETS).fill(0);
  for (const [state, seconds] of Object.entries(TCP_SECONDS)) {
    timeouts[TcpState[state as keyof typeof TCP_SECONDS]] = ticks(seconds, jiffiesPerSecond);
  }
  timeouts[Timeout.UDP] = ticks(UDP_SECONDS, jiffiesPerSecond);
  timeouts[Timeout.LINGER] = ticks(LINGER_SECONDS, jiffiesPerSecond);
  return timeouts;
}

/** Rounded up, and one for the tick that is running: nothing ends before its time. */
export function ticks(seconds: number, jiffiesPerSecond: number): number {
  return Math.ceil((seconds * jiffiesPerSecond) / 2 ** Limits.TICK_SHIFT) + 1;
}
