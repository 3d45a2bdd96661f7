/** How long the messages of a sync daemon get, as IPVS decides it when one is started (start_sync_thread() of Linux 6.1). */

import type { SyncDaemon } from "../model/edit.ts";

/** Bytes of the headers before a message: UDP in IPv4 and in IPv6. */
const HEADERS = { ipv4: 20 + 8, ipv6: 40 + 8 } as const;
const PACKET_MAX = 65_535;
const ETHERNET_MTU = 1500;
/** Of what may be asked for. */
const LEAST = { master: 1, backup: 1024 } as const;

/** A backup has room for what its interface can bring; a master keeps to what every interface takes, unless it is told otherwise. */
export function messageLength({ role, group, maxLength }: SyncDaemon, mtu: number): number {
  const header = HEADERS[group.family];
  if (maxLength !== undefined) return Math.min(Math.max(maxLength, LEAST[role]), PACKET_MAX - header);
  return (role === "backup" ? Math.min(Math.max(mtu, ETHERNET_MTU), PACKET_MAX) : ETHERNET_MTU) - header;
}
