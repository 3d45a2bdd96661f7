/** tc programs by link (tcx, Linux 6.6): attached, replaced and detached as one object that can be pinned. */

import { EvenkeelError } from "../model/error.ts";
import { libbpf } from "./libbpf.ts";
import { libc } from "./libc.ts";
import { programInfo } from "./object-info.ts";
import { Errno, systemCallError } from "./system-call.ts";

/** enum bpf_attach_type; libbpf 1.1 does not know the name, the kernel takes the number. */
export const TCX = { ingress: 46, egress: 47 } as const;
const PROGRAMS_MAX = 64;
const LOOPBACK_INDEX = 1;

/** Programs of this process that let every packet go on (attach-while-open.ts), by their ids: nobody has to give way to them. */
export const passers = new Set<number>();
/** The same of another process, where we may ask for a program's name. */
const PASSER_NAMES: ReadonlySet<string> = new Set(["probe_in"]);

/** Whether this kernel has tcx: every namespace's loopback is interface 1. */
export function tcxAvailable(): boolean {
  return queryTcx(LOOPBACK_INDEX) !== undefined;
}

/** Ids of the programs on the interface, in the order in which they run; undefined without tcx. */
export function queryTcx(ifindex: number, direction: keyof typeof TCX = "ingress"): readonly number[] | undefined {
  const ids = new Uint32Array(PROGRAMS_MAX);
  const count = Uint32Array.of(PROGRAMS_MAX);
  const result = libbpf.bpf_prog_query(ifindex, TCX[direction], 0, new Uint32Array(1), ids, count);
  if (-result === Errno.EINVAL) return undefined;
  if (result < 0) throw systemCallError(`ask which tc programs interface ${ifindex} has`, -result);
  return [...ids.subarray(0, count[0] ?? 0)];
}

/** A link's descriptor. */
export function attachTcx(programFd: number, target: { ifindex: number; ifname: string }): number {
  const others = (queryTcx(target.ifindex) ?? []).filter((id) => !passers.has(id) && !PASSER_NAMES.has(programName(id)));
  if (others.length > 0) throw alreadyAttached(target.ifname, "tc", others);
  const link = libbpf.bpf_link_create(programFd, target.ifindex, TCX.ingress, null);
  if (link < 0) throw systemCallError(`attach to ${target.ifname} (tc)`, -link);
  return link;
}

/** Someone else's program is there: it may keep packets from ours, so that is for the operator to decide. */
export function alreadyAttached(ifname: string, hook: "tc" | "XDP", programIds: readonly number[]): EvenkeelError {
  const programs = programIds.map(describeProgram).join(", ");
  return new EvenkeelError("ALREADY_ATTACHED", `${ifname} already has another ${hook} program: ${programs}`, {
    cure:
      hook === "tc"
        ? `see bpftool net show dev ${ifname}; end the program that attached it, or name another interface`
        : `see ip link show ${ifname}; end the program that attached it (or ip link set dev ${ifname} xdp off), or use the hook tc`,
    facts: { interface: ifname, hook, programs },
  });
}

function describeProgram(id: number): string {
  const name = programName(id);
  return name === "" ? `id ${id}` : `${name} (id ${id})`;
}

/** Empty: it has none, or we may not ask. */
export function programName(id: number): string {
  const fd = libbpf.bpf_prog_get_fd_by_id(id);
  if (fd < 0) return "";
  try {
    return programInfo(fd).name;
  } finally {
    libc.close(fd);
  }
}
