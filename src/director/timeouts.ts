/** How long a connection lives without a packet, by its state: the defaults of IPVS (ip_vs_proto_tcp.c, ip_vs_proto_udp.c). */

import { TcpState, Timeout } from "../wire/abi.ts";

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

/** In the order of struct settings.timeout. */
export function timeoutJiffies(hz: number): number[] {
  const jiffies = Array<number>(Timeout.COUNT).fill(0);
  for (const [state, seconds] of Object.entries(TCP_SECONDS)) jiffies[TcpState[state as keyof typeof TCP_SECONDS]] = seconds * hz;
  jiffies[Timeout.UDP] = UDP_SECONDS * hz;
  return jiffies;
}
