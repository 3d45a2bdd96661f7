/** What ipvsadm prints when IPVS refuses what it asked for, by command and by the error of the system call. */

import type { Edit } from "../../model/edit.ts";
import type { ErrorCode } from "../../model/error.ts";
import { CommandError } from "./command.ts";

/** Exit codes: a command that was refused; a list that cannot be had. */
export const EXIT_REFUSED = 255;
export const EXIT_NO_LIST = 1;

/** Every command but the help asks IPVS first; without privileges, and without IPVS, it ends here. Exit code 2. */
export const cannotInitialize = (reason: string): CommandError =>
  new CommandError(`Can't initialize ipvs: ${reason}\nAre you sure that IP Virtual Server is built in the kernel or as module?`, 2);

export const NOT_ROOT = "Permission denied (you must be root)";

/** Whatever the command; what has no words of ipvsadm's own is the C library's. */
const MESSAGES = {
  EPERM: NOT_ROOT,
  ENOENT: "No such file or directory",
  ESRCH: "No such process",
  EIO: "Input/output error",
  ENOMEM: "Memory allocation problem",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  ENODEV: "No such device",
  EINVAL: "Invalid operation.  Possibly wrong module version, address not unicast, ...",
  ENOSPC: "No space left on device",
  ERANGE: "Numerical result out of range",
  EMSGSIZE: "Module is wrong version",
  EOPNOTSUPP: "Operation not supported with IPv6",
  EAFNOSUPPORT: "Operation not supported with specified address family",
  ENETUNREACH: "Network is unreachable",
} as const;

export type Errno = keyof typeof MESSAGES;

/** A list of one service is the only one that can be refused for what it asks. */
type Subject = Edit["kind"] | "list";

const OF_SERVICE = { ESRCH: "No such service", ENOENT: "Scheduler or persistence engine not found" } as const;
const OF_SERVER = { ESRCH: "Service not defined", ENOENT: "No such destination" } as const;

const BY_SUBJECT: Readonly<Partial<Record<Subject, Readonly<Partial<Record<Errno, string>>>>>> = {
  "add-service": { EEXIST: "Service already exists", ENOENT: OF_SERVICE.ENOENT },
  "edit-service": OF_SERVICE,
  "delete-service": { ESRCH: OF_SERVICE.ESRCH },
  "reset-counters": { ESRCH: OF_SERVICE.ESRCH },
  list: { ESRCH: OF_SERVICE.ESRCH },
  "add-server": { EEXIST: "Destination already exists", ESRCH: OF_SERVER.ESRCH },
  "edit-server": OF_SERVER,
  "delete-server": OF_SERVER,
  "start-daemon": { EEXIST: "Daemon has already run" },
  "stop-daemon": { ESRCH: "No daemon is running" },
};

export function messageFor(subject: Subject, errno: Errno): string {
  return BY_SUBJECT[subject]?.[errno] ?? MESSAGES[errno];
}

const ERRNO: Readonly<Partial<Record<ErrorCode, Errno>>> = {
  SERVICE_EXISTS: "EEXIST",
  SERVER_EXISTS: "EEXIST",
  DAEMON_EXISTS: "EEXIST",
  NO_SUCH_SERVICE: "ESRCH",
  NO_SUCH_SERVER: "ENOENT",
  NO_SUCH_DAEMON: "ESRCH",
  OUT_OF_RANGE: "ERANGE",
  BAD_ADDRESS: "EINVAL",
  BAD_ARGUMENT: "EINVAL",
  INTERFACE_MISSING: "ENODEV",
  NOT_PERMITTED: "EPERM",
  LIMIT_REACHED: "ENOMEM",
};

/** What IPVS would have answered; undefined for what can only happen to us. */
export function errnoOf(code: ErrorCode): Errno | undefined {
  return ERRNO[code];
}

/**
 * An edit that can be understood but not be done: no such scheduler, no such persistence engine. IPVS says so only when nothing else is
 * wrong: `edit` is the same with what we know instead, and what is to be said of that comes first.
 */
export class RefusedEdit extends CommandError {
  readonly edit: Edit;

  constructor(edit: Edit, errno: Errno) {
    super(messageFor(edit.kind, errno), EXIT_REFUSED, false);
    this.edit = edit;
  }
}
