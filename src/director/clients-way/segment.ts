/** How long a check's TCP segments may be so that they fit into the server's tunnel, which its socket knows nothing of. */

import type { RealServer } from "../../model/service.ts";
import type { ServerWay } from "../server-way.ts";

const IP_BYTES = { ipv4: 20, ipv6: 40 } as const;
const TCP_BYTES = 20;
/** Between the two IP headers (bpf/forward_tunnel.h). */
const TUNNEL_BYTES = { ipip: 0, gre: 4, gue: 12 } as const;
const GRE_CHECKSUM_BYTES = 4;

/** 0: as long as the way takes. The inner packet is of the server's family. */
export function segmentMax({ method, address, tunnel }: RealServer, { mtu }: ServerWay): number {
  if (method !== "tun" || mtu === 0) return 0;
  const type = tunnel?.type ?? "ipip";
  const header = TUNNEL_BYTES[type] + (type === "gre" && tunnel?.checksum ? GRE_CHECKSUM_BYTES : 0);
  const ip = IP_BYTES[address.family];
  return Math.max(0, mtu - ip - header - ip - TCP_BYTES);
}
