/** The addresses and ports of the bench's one service, and on which processor and before what its programs run. */

import { availableParallelism } from "node:os";
import { ADDRESSES, serverAddress } from "../../src/lab/topology.ts";
import type { Row } from "./rows.ts";

/** One real server, so that in every row the same single process does the same work. */
export const SERVER = "rs1";
export const SERVER_ADDRESS = serverAddress(SERVER).ipv4;
export const VIP = ADDRESSES.vip.ipv4;

export const HTTP_PORT = 80;
export const UDP_PORT = 9000;
/** iperf3's own. */
export const BULK_PORT = 5201;

/** Whom the client asks. */
export function targetOf({ job }: Row): string {
  return job.kind === "router" ? SERVER_ADDRESS : VIP;
}

/**
 * Before whatever else the machine does, which would otherwise be most of what is measured: all rows alike, the peers' processes too.
 * Where the kernel groups processes by session (autogroup, sched(7)), a nice value counts among the session's own only; so each gets a
 * session, and the session the value as well.
 */
export function urgent(command: readonly string[]): string[] {
  const group = "[ ! -e /proc/self/autogroup ] || echo -20 >/proc/self/autogroup";
  return ["setsid", "nice", "-n", "-20", "sh", "-c", `${group}; exec "$@"`, "sh", ...command];
}

/** Client and server each keep a processor, or a sample would depend on where the scheduler happened to put them. Directors are free. */
export function pinned(end: "client" | "server", command: readonly string[]): string[] {
  const processors = availableParallelism();
  if (processors < 2) return urgent(command);
  return urgent(["taskset", "-c", end === "client" ? "0" : `${processors - 1}`, ...command]);
}
