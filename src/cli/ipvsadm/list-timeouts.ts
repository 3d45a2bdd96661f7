/** `ipvsadm -L --timeout`: how long a connection lives without a packet, in seconds. */

import type { Timeouts } from "../../model/service.ts";

export function listTimeouts({ tcp, tcpFin, udp }: Required<Timeouts>): string {
  return `Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}\n`;
}
