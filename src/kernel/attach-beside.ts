/**
 * A tc program on an interface's ingress that stands beside others: it takes nobody's place, runs after those that were there,
 * and is known by a name of its own (tcx: a pinned link; before Linux 6.6: a clsact filter with its own priority).
 * attach.ts is for the packet path, which wants the interface for itself.
 */

import { addFilter, type FilterPlace, programInFilter, removeFilter } from "./clsact-filter.ts";
import { libbpf } from "./libbpf.ts";
import { libc } from "./libc.ts";
import { linkInfo } from "./object-info.ts";
import type { PinDirectory } from "./pins.ts";
import { Errno, systemCallError } from "./system-call.ts";
import { tcxAvailable } from "./tcx.ts";

/** enum bpf_attach_type */
const BPF_TCX_INGRESS = 46;
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
  return byLink(place) ?? programInFilter(filterOf(place));
}

/** Must not stand there already. */
export function attachBeside(programFd: number, place: Place): void {
  if (tcxAvailable()) addLink(programFd, place);
  else addFilter(programFd, filterOf(place), `attach ${place.pin} to ${place.ifname} (tc, clsact)`);
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
  return removeFilter(filterOf(place), `detach ${place.pin} from ${place.ifname}`) || link !== undefined;
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

function filterOf({ ifindex, ifname, priority }: Place): FilterPlace {
  return { ifindex, ifname, direction: "ingress", priority, handle: HANDLE };
}
