/**
 * Locks on single bytes of one file (open file description locks, fcntl(2)): many locks that need no files of their own. Each ends when the descriptor
 * is closed, and with the process, however it ends.
 */

import koffi from "koffi";
import { libc } from "./libc.ts";
import { Errno, systemCallError } from "./system-call.ts";

const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const F_WRLCK = 1;
const SEEK_SET = 0;

/** Never waits. Whether it was got. */
export function tryLockByte(fd: number, offset: bigint): boolean {
  if (libc.fcntl(fd, F_OFD_SETLK, lockOf(offset)) === 0) return true;
  const errno = koffi.errno();
  if (errno === Errno.EAGAIN || errno === Errno.EACCES || errno === Errno.EINTR) return false;
  throw systemCallError("lock a byte of a file", errno);
}

/** Waits, and holds the thread meanwhile: only for what others hold for milliseconds. */
export function lockByte(fd: number, offset: bigint): void {
  while (libc.fcntl(fd, F_OFD_SETLKW, lockOf(offset)) !== 0) {
    const errno = koffi.errno();
    if (errno !== Errno.EINTR) throw systemCallError("lock a byte of a file", errno);
  }
}

/** struct flock, as 64-bit Linux has it. */
function lockOf(offset: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, F_WRLCK, true);
  view.setInt16(2, SEEK_SET, true);
  view.setBigInt64(8, offset, true);
  view.setBigInt64(16, 1n, true);
  return bytes;
}
