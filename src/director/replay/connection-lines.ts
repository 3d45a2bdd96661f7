/** The connection table as /proc/net/ip_vs_conn shows it. */

import { SCTP_STATE_SHOWN, type SctpState } from "../../model/sctp-states.ts";
import { shownLine } from "../../scheduler/ipvs-model/listing.ts";
import { type Connection, ConnectionReader } from "../connection-reader.ts";
import type { PacketPath } from "../packet-path.ts";

export function connectionLines(path: PacketPath): string[] {
  const reader = new ConnectionReader(path);
  try {
    return Array.from(reader.connections(), lineOf);
  } finally {
    reader.close();
  }
}

function lineOf({ protocol, state, expiresMs, client, virtual, server }: Connection): string {
  // The template of a mark has it where others have an address.
  const { bytes } = virtual.address;
  const mark = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return shownLine({
    key: {
      protocol,
      client: client.address,
      clientPort: client.port,
      virtualAddress: protocol === "ip" ? mark : virtual.address,
      virtualPort: virtual.port,
    },
    server,
    stateName: (protocol === "sctp" ? SCTP_STATE_SHOWN[state as SctpState] : undefined) ?? state,
    leftMs: expiresMs,
  });
}
