/** XDP programs by link: before the kernel makes a socket buffer of a frame. Native in the driver, or generic for tests. */

import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { LINK_CREATE_OPTS, libbpf } from "./libbpf.ts";
import { findLink } from "./links.ts";
import { describeErrno, Errno, systemCallError } from "./system-call.ts";
import { alreadyAttached } from "./tcx.ts";

const BPF_XDP = 37;
const XDP_FLAGS = { generic: 1 << 1, native: 1 << 2 } as const;

export type XdpKind = keyof typeof XDP_FLAGS;

/** A link's descriptor. KERNEL_FEATURE_MISSING when this driver, this MTU or these queues do not allow it. */
export function attachXdp(programFd: number, target: { ifindex: number; ifname: string }, kind: XdpKind): number {
  const link = libbpf.bpf_link_create(programFd, target.ifindex, BPF_XDP, {
    sz: koffi.sizeof(LINK_CREATE_OPTS),
    flags: XDP_FLAGS[kind],
    iter_info: null,
    iter_info_len: 0,
    target_btf_id: 0,
    none: new BigUint64Array(4),
  });
  if (link >= 0) return link;
  const errno = -link;
  if (errno === Errno.EBUSY || errno === Errno.EEXIST) throw alreadyAttached(target.ifname, "XDP", standingPrograms(target.ifindex));
  if (errno === Errno.EPERM || errno === Errno.EACCES) throw systemCallError(`attach to ${target.ifname} (${kind} XDP)`, errno);
  throw new EvenkeelError(
    "KERNEL_FEATURE_MISSING",
    `cannot attach to ${target.ifname} in ${kind} XDP mode: ${describeErrno(errno)}: ${explain(errno)}`,
    {
      cure: "use the hook tc, which every interface has",
      facts: { interface: target.ifname, errno },
    },
  );
}

function standingPrograms(ifindex: number): readonly number[] {
  const xdp = findLink(ifindex)?.xdp;
  return xdp === undefined ? [] : [xdp.programId];
}

function explain(errno: number): string {
  if (errno === Errno.EOPNOTSUPP) return "its driver has no XDP";
  if (errno === Errno.ENOMEM || errno === Errno.ENOSPC) return "too few free queues for XDP";
  return "its MTU, queues or offloads do not allow XDP";
}
