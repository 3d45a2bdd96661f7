/**
 * A tc program on an interface's ingress that stands beside others: it takes nobody's place, runs after those that were there,
 * and is known by a name of its own (tcx: a pinned link; before Linux 6.6: a clsact filter with its own priority).
 * attach.ts is for the packet path, which wants the interface for itself.
 */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { filters } from "./clsact.ts";
import { libbpf, TC_HOOK, TC_OPTS, type TcHook, type TcOpts } from "./libbpf.ts";
import { withMessages } from "./libbpf-messages.ts";
import { libc } from "./libc.ts";
import { linkInfo } from "./object-info.ts";
import type { PinDirectory } from "./pins.ts";
import { describeErrno, Errno, systemCallError } from "./system-call.ts";
import { tcxAvailable } from "./tcx.ts";

/** enum bpf_attach_type */
const BPF_TCX_INGRESS = 46;
const BPF_TC_INGRESS = 1;
const BPF_TC_EGRESS = 2;
/** Filters of one discipline tell each other apart by priority; a handle is only unique within one. */
const HANDLE = 1;

export interface Place {
  readonly ifindex: number;
  readonly ifname: string;
  readonly pinDirectory: PinDirectory;
  /** The link's name, completed by the interface's number. */
  readonly pin: string;
  /** Where there is no tcx: filters run in the order of their priorities. */
  readonly priority: number;
}

/** Which program stands there, by its id. */
export function programAt(place: Place): number | undefined {
  return byLink(place) ?? byFilter(place);
}

/** Must not stand there already. */
export function attachBeside(programFd: number, place: Place): void {
  if (tcxAvailable()) addLink(programFd, place);
  else addFilter(programFd, place);
}

/** Whether it was there. */
export function detachBeside(place: Place): boolean {
  const link = place.pinDirectory.open("links", pinName(place));
  if (link !== undefined) {
    try {
      // At once, though other descriptors of the link may be open. ENOLINK: its interface is gone already.
      const result = libbpf.bpf_link_detach(link);
      if (result < 0 && -result !== Errno.ENOLINK) throw systemCallError(`detach ${place.pin} from ${place.ifname}`, -result);
    } finally {
      libc.close(link);
    }
    place.pinDirectory.unpin("links", pinName(place));
  }
  return removeFilter(place) || link !== undefined;
}

function pinName({ pin, ifindex }: Place): string {
  return `${pin}-${ifindex}`;
}

function byLink(place: Place): number | undefined {
  const link = place.pinDirectory.open("links", pinName(place));
  if (link === undefined) return undefined;
  try {
    const { ifindex, programId } = linkInfo(link);
    return ifindex === place.ifindex ? programId : undefined;
  } finally {
    libc.close(link);
  }
}

function addLink(programFd: number, place: Place): void {
  // Of an interface that is gone and whose number came back.
  place.pinDirectory.unpin("links", pinName(place));
  const link = libbpf.bpf_link_create(programFd, place.ifindex, BPF_TCX_INGRESS, null);
  if (link < 0) throw systemCallError(`attach ${place.pin} to ${place.ifname} (tc)`, -link);
  try {
    place.pinDirectory.pin("links", pinName(place), link);
  } finally {
    // Not pinned, the link ends with this descriptor: nothing stays attached that nobody could find.
    libc.close(link);
  }
}

function byFilter(place: Place): number | undefined {
  const options = optionsOf(place, 0);
  const result = quietly(() => libbpf.bpf_tc_query(hookOf(place, BPF_TC_INGRESS), options));
  // EINVAL: no clsact on the interface.
  if ([Errno.ENOENT, Errno.EINVAL, Errno.ENODEV].includes(-result)) return undefined;
  if (result < 0) throw refused(`ask which tc programs ${place.ifname} has`, -result);
  return options.prog_id;
}

function addFilter(programFd: number, place: Place): void {
  const hook = hookOf(place, BPF_TC_INGRESS);
  const made = quietly(() => libbpf.bpf_tc_hook_create(hook));
  if (made < 0 && -made !== Errno.EEXIST) throw refused(`add the clsact discipline to ${place.ifname}`, -made);
  const attached = quietly(() => libbpf.bpf_tc_attach(hook, optionsOf(place, programFd)));
  if (attached < 0) throw refused(`attach ${place.pin} to ${place.ifname} (tc, clsact)`, -attached);
}

/** Takes clsact away too when nobody else uses it. */
function removeFilter(place: Place): boolean {
  if (byFilter(place) === undefined) return false;
  const gone = quietly(() => libbpf.bpf_tc_detach(hookOf(place, BPF_TC_INGRESS), optionsOf(place, 0)));
  if (gone < 0 && -gone !== Errno.ENOENT) throw refused(`detach ${place.pin} from ${place.ifname}`, -gone);
  if (filters(place.ifindex, "ingress").length === 0 && filters(place.ifindex, "egress").length === 0) {
    const removed = quietly(() => libbpf.bpf_tc_hook_destroy(hookOf(place, BPF_TC_INGRESS | BPF_TC_EGRESS)));
    if (removed < 0 && -removed !== Errno.ENOENT) throw refused(`remove the clsact discipline of ${place.ifname}`, -removed);
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

function hookOf({ ifindex }: Place, attachPoint: number): TcHook {
  return { sz: koffi.sizeof(TC_HOOK), ifindex, attach_point: attachPoint, parent: 0, padding: 0 };
}

function optionsOf({ priority }: Place, programFd: number): TcOpts {
  return { sz: koffi.sizeof(TC_OPTS), prog_fd: programFd, flags: 0, prog_id: 0, handle: HANDLE, priority, padding: 0 };
}
