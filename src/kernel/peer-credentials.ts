/** Who is at the other end of a unix socket, as the kernel saw when the connection was made: SO_PEERCRED, unix(7). */

import type { Socket } from "node:net";
import { libc } from "./libc.ts";

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred */
const UCRED_BYTES = 12;

/** Undefined where the descriptor cannot be had: Node does not promise it, it only has it. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  if (typeof fd !== "number" || fd < 0) return undefined;
  const credentials = new Uint32Array(UCRED_BYTES / 4);
  const length = Uint32Array.of(UCRED_BYTES);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytesOf(credentials), bytesOf(length)) !== 0) return undefined;
  const [pid = 0, uid = 0, gid = 0] = credentials;
  return { pid, uid, gid };
}

function bytesOf({ buffer }: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}
