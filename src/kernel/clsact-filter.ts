/**
 * One filter of an interface's clsact discipline, known by its handle and priority, beside those of others: for programs that take nobody's place.
 * clsact.ts is the packet path's own.
 */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { filters } from "./clsact.ts";
import { libbpf, TC_HOOK, TC_OPTS, type TcHook, type TcOpts } from "./libbpf.ts";
import { withMessages } from "./libbpf-messages.ts";
import { describeErrno, Errno, systemCallError } from "./system-call.ts";

const CLSACT = { ingress: 1, egress: 2 } as const;
const BPF_TC_F_REPLACE = 1;
/** Of an interface that is gone, or has no clsact. */
const GONE: readonly number[] = [Errno.ENOENT, Errno.EINVAL, Errno.ENODEV];

export interface FilterPlace {
  readonly ifindex: number;
  readonly ifname: string;
  readonly direction: keyof typeof CLSACT;
  /** Filters of one discipline tell each other apart by priority, and run in that order; a handle is only unique within one. */
  readonly priority: number;
  readonly handle: number;
}

/** `attempted` completes "cannot ...". With `replace` it takes the place of one that stands there; without it none may. */
export function addFilter(programFd: number, place: FilterPlace, attempted: string, { replace = false } = {}): void {
  const made = quietly(() => libbpf.bpf_tc_hook_create(hookOf(place, CLSACT.ingress)));
  if (made < 0 && -made !== Errno.EEXIST) throw refused(`add the clsact discipline to ${place.ifname}`, -made);
  const options = optionsOf(place, { prog_fd: programFd, flags: replace ? BPF_TC_F_REPLACE : 0 });
  const attached = quietly(() => libbpf.bpf_tc_attach(hookOf(place, CLSACT[place.direction]), options));
  if (attached < 0) throw refused(attempted, -attached);
}

/** The id of the program there, if any. */
export function programInFilter(place: FilterPlace): number | undefined {
  const options = optionsOf(place);
  const result = quietly(() => libbpf.bpf_tc_query(hookOf(place, CLSACT[place.direction]), options));
  if (GONE.includes(-result)) return undefined;
  if (result < 0) throw refused(`ask which tc programs ${place.ifname} has`, -result);
  return options.prog_id;
}

/** Takes clsact away too when nobody else uses it. Whether it was there. */
export function removeFilter(place: FilterPlace, attempted: string): boolean {
  // Neither a detachment nor a question may name a program.
  const gone = quietly(() => libbpf.bpf_tc_detach(hookOf(place, CLSACT[place.direction]), optionsOf(place)));
  if (gone < 0) {
    if (GONE.includes(-gone)) return false;
    throw refused(attempted, -gone);
  }
  if (filters(place.ifindex, "ingress").length === 0 && filters(place.ifindex, "egress").length === 0) {
    const removed = quietly(() => libbpf.bpf_tc_hook_destroy(hookOf(place, CLSACT.ingress | CLSACT.egress)));
    if (removed < 0 && !GONE.includes(-removed)) throw refused(`remove the clsact discipline of ${place.ifname}`, -removed);
  }
  return true;
}

/** What libbpf prints of failures that we answer ourselves is not for the terminal. */
function quietly(call: () => number): number {
  return withMessages(call).result;
}

function refused(attempted: string, errno: number): EvenkeelError {
  if (errno === Errno.EEXIST)
    return new EvenkeelError("ALREADY_ATTACHED", `cannot ${attempted}: ${describeErrno(errno)}`, { cure: "see tc filter show" });
  return systemCallError(attempted, errno);
}

function hookOf({ ifindex }: FilterPlace, attachPoint: number): TcHook {
  return { sz: koffi.sizeof(TC_HOOK), ifindex, attach_point: attachPoint, parent: 0, padding: 0 };
}

function optionsOf({ handle, priority }: FilterPlace, said: { prog_fd?: number; flags?: number } = {}): TcOpts {
  return { sz: koffi.sizeof(TC_OPTS), prog_fd: 0, flags: 0, prog_id: 0, handle, priority, padding: 0, ...said };
}
