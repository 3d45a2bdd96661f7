/**
 * tc programs on an interface for as long as somebody holds them: nothing is pinned, and where there is tcx the kernel takes them off
 * when their maker dies, however that comes. Before Linux 6.6 a clsact filter stays, known by its handle and priority, until the next one
 * clears it. They stand beside whatever else is there, and let every packet go on to it.
 */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { filters } from "./clsact.ts";
import { libbpf, TC_HOOK, TC_OPTS, type TcHook, type TcOpts } from "./libbpf.ts";
import { withMessages } from "./libbpf-messages.ts";
import { libc } from "./libc.ts";
import { listLinks } from "./links.ts";
import { programInfo } from "./object-info.ts";
import { describeErrno, Errno, systemCallError } from "./system-call.ts";
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

const CLSACT = { ingress: 1, egress: 2 } as const;
/** After the packet path's (100) and a real server's decapsulation (110). */
const PRIORITY = 120;
const HANDLE = 0xe5;
const BPF_TC_F_REPLACE = 1;
/** Of an interface that is gone, or has no clsact. */
const GONE: readonly number[] = [Errno.ENOENT, Errno.EINVAL, Errno.ENODEV];

/** By what the kernel has, when nothing is said. */
export function attachWhileOpen(programFd: number, spot: Spot, mechanism = tcxAvailable() ? "tcx" : "clsact"): Hold {
  return mechanism === "tcx" ? byLink(programFd, spot) : byFilter(programFd, spot);
}

/** Filters that a process left which was killed, on all interfaces of the namespace; how many. */
export function clearLeftFilters(): number {
  let cleared = 0;
  for (const { index, name } of listLinks())
    for (const direction of ["egress", "ingress"] as const)
      if (filters(index, direction).some(isOurs) && removeFilter({ ifindex: index, ifname: name, direction })) cleared++;
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
  const hook = hookOf(spot, CLSACT.ingress);
  const made = quietly(() => libbpf.bpf_tc_hook_create(hook));
  if (made < 0 && -made !== Errno.EEXIST) throw refused(`add the clsact discipline to ${spot.ifname}`, -made);
  const attached = quietly(() => libbpf.bpf_tc_attach(hookOf(spot, CLSACT[spot.direction]), optionsOf(programFd, BPF_TC_F_REPLACE)));
  if (attached < 0) throw refused(`attach to ${spot.ifname} (tc ${spot.direction}, clsact)`, -attached);
  return {
    stands: () => filters(spot.ifindex, spot.direction).some(isOurs),
    release: () => void removeFilter(spot),
  };
}

/** Takes clsact away too when nobody else uses it. Whether it was there. */
function removeFilter(spot: Spot): boolean {
  const gone = quietly(() => libbpf.bpf_tc_detach(hookOf(spot, CLSACT[spot.direction]), optionsOf(0, 0)));
  if (gone < 0) {
    if (GONE.includes(-gone)) return false;
    throw refused(`detach from ${spot.ifname} (tc ${spot.direction})`, -gone);
  }
  if (filters(spot.ifindex, "ingress").length === 0 && filters(spot.ifindex, "egress").length === 0) {
    const removed = quietly(() => libbpf.bpf_tc_hook_destroy(hookOf(spot, CLSACT.ingress | CLSACT.egress)));
    if (removed < 0 && !GONE.includes(-removed)) throw refused(`remove the clsact discipline of ${spot.ifname}`, -removed);
  }
  return true;
}

function isOurs({ kind, handle, priority }: { kind: string; handle: number; priority: number }): boolean {
  return kind === "bpf" && handle === HANDLE && priority === PRIORITY;
}

function quietly(call: () => number): number {
  return withMessages(call).result;
}

function refused(attempted: string, errno: number): EvenkeelError {
  if (errno === Errno.EEXIST)
    return new EvenkeelError("ALREADY_ATTACHED", `cannot ${attempted}: ${describeErrno(errno)}`, { cure: "see tc filter show" });
  return systemCallError(attempted, errno);
}

function hookOf({ ifindex }: Spot, attachPoint: number): TcHook {
  return { sz: koffi.sizeof(TC_HOOK), ifindex, attach_point: attachPoint, parent: 0, padding: 0 };
}

function optionsOf(programFd: number, flags: number): TcOpts {
  // Neither a detachment nor a question may name a program.
  return { sz: koffi.sizeof(TC_OPTS), prog_fd: programFd, flags, prog_id: 0, handle: HANDLE, priority: PRIORITY, padding: 0 };
}
