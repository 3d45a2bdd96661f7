/**
 * tc programs as a filter of the clsact discipline: how it is done before Linux 6.6. There is no link to pin; the filter stays with
 * the interface, and ours is known by its handle and priority.
 */

import koffi from "koffi";
import { decodeFilter, encodeFilterQuery, type Filter, FilterMessage } from "../wire/netlink-filter.ts";
import { libbpf, TC_HOOK, TC_OPTS, type TcHook, type TcOpts } from "./libbpf.ts";
import { withMessages } from "./libbpf-messages.ts";
import { dump, isNetlinkErrno } from "./netlink.ts";
import { programInfo } from "./object-info.ts";
import { Errno, systemCallError } from "./system-call.ts";
import { alreadyAttached } from "./tcx.ts";

const HANDLE = 0xe4;
/** Ours among the filters of an interface. */
export const CLSACT_PRIORITY = 100;
const BPF_TC_INGRESS = 1;
const BPF_TC_EGRESS = 2;
const BPF_TC_F_REPLACE = 1;

/** Also replaces an older program of ours, without a gap. */
export function attachClsact(programFd: number, target: { ifindex: number; ifname: string }): void {
  const hook = hookOf(target.ifindex, BPF_TC_INGRESS);
  const made = call(() => libbpf.bpf_tc_hook_create(hook));
  if (made.errno !== 0 && made.errno !== Errno.EEXIST) throw refused(`add the clsact discipline to ${target.ifname}`, made);
  const standing = queryClsact(target.ifindex);
  if (standing !== undefined && nameOf(target.ifindex, standing) !== programInfo(programFd).name)
    throw alreadyAttached(target.ifname, "tc", [standing]);
  if (standing === undefined && filters(target.ifindex, "ingress").some((filter) => filter.priority <= CLSACT_PRIORITY)) {
    throw alreadyAttached(target.ifname, "tc", []);
  }
  const attached = call(() => libbpf.bpf_tc_attach(hook, optionsOf({ prog_fd: programFd, flags: BPF_TC_F_REPLACE })));
  if (attached.errno !== 0) throw refused(`attach to ${target.ifname} (tc, clsact)`, attached);
}

/** The id of our program there, if any. */
export function queryClsact(ifindex: number): number | undefined {
  const options = optionsOf({});
  const answer = call(() => libbpf.bpf_tc_query(hookOf(ifindex, BPF_TC_INGRESS), options));
  // EINVAL: no clsact on the interface.
  if (answer.errno === Errno.ENOENT || answer.errno === Errno.EINVAL || answer.errno === Errno.ENODEV) return undefined;
  if (answer.errno !== 0) throw refused(`ask for the tc program of interface ${ifindex}`, answer);
  return options.prog_id;
}

/** Whether it was there. Takes clsact away too when nobody else uses it. */
export function detachClsact(ifindex: number): boolean {
  if (queryClsact(ifindex) === undefined) return false;
  const gone = call(() => libbpf.bpf_tc_detach(hookOf(ifindex, BPF_TC_INGRESS), optionsOf({})));
  if (gone.errno !== 0 && gone.errno !== Errno.ENOENT) throw refused(`detach the tc program from interface ${ifindex}`, gone);
  if (filters(ifindex, "ingress").length === 0 && filters(ifindex, "egress").length === 0) {
    const removed = call(() => libbpf.bpf_tc_hook_destroy(hookOf(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS)));
    if (removed.errno !== 0 && removed.errno !== Errno.ENOENT)
      throw refused(`remove the clsact discipline of interface ${ifindex}`, removed);
  }
  return true;
}

/** Those of the discipline, whoever made them. */
export function filters(ifindex: number, direction: "ingress" | "egress"): readonly Filter[] {
  const attempted = `list the tc filters of interface ${ifindex}`;
  try {
    return dump({ type: FilterMessage.GET, payload: encodeFilterQuery(ifindex, direction), attempted }).map((message) =>
      decodeFilter(message.payload),
    );
  } catch (error) {
    if (isNetlinkErrno(error, Errno.EINVAL)) return [];
    throw error;
  }
}

interface Answer {
  readonly errno: number;
  readonly said: readonly string[];
}

function call(work: () => number): Answer {
  const { result, messages } = withMessages(work);
  return { errno: -result, said: messages };
}

function refused(attempted: string, answer: Answer): Error {
  const said = answer.said.map((line) => line.replace(/^libbpf: /, "")).join("; ");
  return systemCallError(said === "" ? attempted : `${attempted} (${said})`, answer.errno);
}

/** By the filter's name: to open a program by its id takes CAP_SYS_ADMIN, which a director does without. */
function nameOf(ifindex: number, programId: number): string | undefined {
  const ending = `:[${programId}]`;
  const ours = filters(ifindex, "ingress").find(({ handle, priority }) => handle === HANDLE && priority === CLSACT_PRIORITY);
  return ours?.name?.endsWith(ending) ? ours.name.slice(0, -ending.length) : undefined;
}

function hookOf(ifindex: number, attachPoint: number): TcHook {
  return { sz: koffi.sizeof(TC_HOOK), ifindex, attach_point: attachPoint, parent: 0, padding: 0 };
}

function optionsOf(options: { prog_fd?: number; flags?: number }): TcOpts {
  return { sz: koffi.sizeof(TC_OPTS), prog_fd: 0, flags: 0, prog_id: 0, handle: HANDLE, priority: CLSACT_PRIORITY, padding: 0, ...options };
}
