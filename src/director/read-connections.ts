/** The connection table of this network namespace, for whoever reads it. */

import { withPacketPathLock } from "../kernel/packet-path-lock.ts";
import { ConnectionReader } from "./connection-reader.ts";
import { PacketPath } from "./packet-path.ts";

/** `work` with a reader, or with undefined where there is no packet path. The lock is only for opening: a long listing keeps nobody from changing it. */
export async function readConnections<T>(work: (reader: ConnectionReader | undefined) => T | Promise<T>): Promise<T> {
  const path = await withPacketPathLock(() => PacketPath.open());
  if (path === undefined) return await work(undefined);
  try {
    const reader = new ConnectionReader(path);
    try {
      return await work(reader);
    } finally {
      reader.close();
    }
  } finally {
    path.close();
  }
}
