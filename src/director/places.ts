/**
 * Where a director keeps what belongs to it. It serves one network namespace, and each has places of its own: the runtime directory by the
 * namespace's cookie, which any process inside can ask for without privileges; the state by its name, which is the same after a reboot.
 */

import { join } from "node:path";
import { isOutermostNetwork } from "../kernel/host-mounts.ts";
import { currentCookie, currentName } from "../kernel/namespace.ts";

const RUNTIME = "/run/evenkeel";
const STATE = "/var/lib/evenkeel";
const SOCKET = "api.sock";

/** Names another socket to the commands that talk to a director. */
const SOCKET_VARIABLE = "EVENKEEL_SOCKET";

export interface RuntimePlaces {
  readonly directory: string;
  /** Where the commands in this namespace look for the director; a symbolic link where it listens elsewhere. */
  readonly socket: string;
  /** Held by the director as long as it lives: flock(2). */
  readonly lock: string;
  /** What people type: in the machine's own network namespace a symbolic link to the socket. */
  readonly alias: string | undefined;
}

/**
 * Of the current network namespace. Nothing is made. `outermost`: a process that has given up its capabilities may not look any more. A service manager may
 * have named the places itself (systemd: RuntimeDirectory=, StateDirectory=).
 */
export function runtimePlaces(outermost = isOutermostNetwork(), environment: NodeJS.ProcessEnv = process.env): RuntimePlaces {
  const directory = runtimeDirectory(currentCookie());
  const given = firstOf(environment["RUNTIME_DIRECTORY"]);
  return {
    directory,
    socket: join(directory, SOCKET),
    lock: join(directory, "director.lock"),
    alias: given === undefined ? (outermost ? join(RUNTIME, SOCKET) : undefined) : join(given, SOCKET),
  };
}

/** Of the network namespace with the cookie. */
export function runtimeDirectory(cookie: bigint): string {
  return join(RUNTIME, `net-${cookie}`);
}

/** Where a command finds the director of the current network namespace, if one runs. Quick: ipvsadm asks at every call. */
export function directorSocket(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment[SOCKET_VARIABLE];
  return named === undefined || named === "" ? join(runtimeDirectory(currentCookie()), SOCKET) : named;
}

/** What is kept over restarts and reboots: overrides, versions of the configuration, the journal. */
export function stateDirectory(outermost = isOutermostNetwork(), environment: NodeJS.ProcessEnv = process.env): string {
  const given = firstOf(environment["STATE_DIRECTORY"]);
  if (given !== undefined) return given;
  const name = currentName();
  if (name !== undefined) return join(STATE, `net-${name}`);
  return outermost ? STATE : join(STATE, `net-${currentCookie()}`);
}

/** systemd separates several by colons. */
function firstOf(directories: string | undefined): string | undefined {
  const [first] = (directories ?? "").split(":");
  return first === "" ? undefined : first;
}
