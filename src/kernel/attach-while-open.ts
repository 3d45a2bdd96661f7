/**
 * tc programs on an interface for as long as somebody holds them: nothing is pinned, and where there is tcx the kernel takes them off
 * when their maker dies, however that comes. Before Linux 6.6 a clsact filter stays, known by its handle and priority, until the next one
 * clears it. They stand beside whatever else is there, and let every packet go on to it.
 */

import { filters } from "./clsact.ts";
import { addFilter, type FilterPlace, removeFilter } from "./clsact-filter.ts";
import { libbpf } from "./libbpf.ts";
import { libc } from "./libc.ts";
import { listLinks } from "./links.ts";
import { programInfo } from "./object-info.ts";
import { systemCallError } from "./system-call.ts";
import { passers, TCX, tcxAvailable } from "./tcx.ts";

export type Direction = keyof typeof TCX;

export interface Spot {
  readonly ifindex: number;
  readonly ifname: string;
  readonly direction: Direction;
}

export interface Hold {
  /** Nobody else has taken it off. */
  stands(): boolean;
  /** Takes the program off, whatever became of the interface. */
  release(): void;
}

/** After the packet path's (100) and a real server's decapsulation (110). */
const PRIORITY = 120;
const HANDLE = 0xe5;

/** By what the kernel has, when nothing is said. */
export function attachWhileOpen(programFd: number, spot: Spot, mechanism = tcxAvailable() ? "tcx" : "clsact"): Hold {
  return mechanism === "tcx" ? byLink(programFd, spot) : byFilter(programFd, spot);
}

/** Filters that a process left which was killed, on all interfaces of the namespace; how many. */
export function clearLeftFilters(): number {
  let cleared = 0;
  for (const { index, name } of listLinks())
    for (const direction of ["egress", "ingress"] as const)
      if (filters(index, direction).some(isOurs) && takeOff({ ifindex: index, ifname: name, direction })) cleared++;
  return cleared;
}

function byLink(programFd: number, spot: Spot): Hold {
  const link = libbpf.bpf_link_create(programFd, spot.ifindex, TCX[spot.direction], null);
  if (link < 0) throw systemCallError(`attach to ${spot.ifname} (tc ${spot.direction})`, -link);
  passers.add(programInfo(programFd).id);
  let open = true;
  return {
    // Nobody else can find it.
    stands: () => open,
    release() {
      // At once, by the last descriptor.
      if (open) libc.close(link);
      open = false;
    },
  };
}

function byFilter(programFd: number, spot: Spot): Hold {
  addFilter(programFd, filterOf(spot), `attach to ${spot.ifname} (tc ${spot.direction}, clsact)`, { replace: true });
  return {
    stands: () => filters(spot.ifindex, spot.direction).some(isOurs),
    release: () => void takeOff(spot),
  };
}

function takeOff(spot: Spot): boolean {
  return removeFilter(filterOf(spot), `detach from ${spot.ifname} (tc ${spot.direction})`);
}

function filterOf({ ifindex, ifname, direction }: Spot): FilterPlace {
  return { ifindex, ifname, direction, priority: PRIORITY, handle: HANDLE };
}

function isOurs({ kind, handle, priority }: { kind: string; handle: number; priority: number }): boolean {
  return kind === "bpf" && handle === HANDLE && priority === PRIORITY;
}
