/** Errors of system calls, told the same way everywhere: what was attempted, what the kernel answered, what would help. */

import { getSystemErrorMap } from "node:util";
import koffi from "koffi";
import { type ErrorCode, EvenkeelError } from "../model/error.ts";

/** Node's words for the first speak of sockets; the others are kernel-internal numbers that leak out of some calls, and libbpf's own. */
const OURS: ReadonlyMap<number, readonly [name: string, text: string]> = new Map([
  [95, ["EOPNOTSUPP", "operation is not supported"]],
  [512, ["ERESTARTSYS", "interrupted"]],
  [524, ["ENOTSUPP", "operation is not supported"]],
  // enum libbpf_errno
  [4000, ["LIBBPF_ERRNO__LIBELF", "something wrong in libelf"]],
  [4001, ["LIBBPF_ERRNO__FORMAT", "not a BPF object file"]],
]);

type ErrnoName =
  | "E2BIG"
  | "EACCES"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EAGAIN"
  | "EBUSY"
  | "EEXIST"
  | "EHOSTUNREACH"
  | "EINTR"
  | "EINVAL"
  | "ENETUNREACH"
  | "ENOBUFS"
  | "ENODEV"
  | "ENOENT"
  | "ENOLINK"
  | "ENOMEM"
  | "ENOSPC"
  | "ENOSYS"
  | "EOPNOTSUPP"
  | "EPERM"
  | "ERANGE"
  | "ESRCH";

export const Errno = koffi.os.errno as Readonly<Record<ErrnoName, number>>;

/** "EBUSY (resource busy or locked)". */
export function describeErrno(errno: number): string {
  const [name, text] = OURS.get(errno) ?? getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "no text"];
  return `${name} (${text})`;
}

export function systemCallError(
  attempted: string,
  errno: number,
  details: { code?: ErrorCode; cure?: string; facts?: EvenkeelError["facts"] } = {},
): EvenkeelError {
  const denied = errno === Errno.EPERM || errno === Errno.EACCES;
  const code = details.code ?? (denied ? "NOT_PERMITTED" : "SYSTEM_CALL");
  const cure = details.cure ?? (denied ? "run as root, or give the process CAP_NET_ADMIN, CAP_BPF and CAP_SYS_ADMIN" : "");
  return new EvenkeelError(code, `cannot ${attempted}: ${describeErrno(errno)}`, { cure, facts: { errno, ...details.facts } });
}

/** The result of a libc call that answers -1 on failure; `attempted` completes "cannot ...". */
export function checkCall(result: number, attempted: string): number {
  if (result < 0) throw systemCallError(attempted, koffi.errno());
  return result;
}
