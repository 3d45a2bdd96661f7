/** What this process may do, from /proc/self/status; asked before an attempt so that the error names the missing right, not an errno. */

import { readFileSync } from "node:fs";
import { EvenkeelError } from "../model/error.ts";
import { CAPABILITY_NAMES, type Capability } from "./capability-names.ts";
import { libbpf } from "./libbpf.ts";
import { describeErrno, Errno } from "./system-call.ts";

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

export function hasCapability(capability: Capability): boolean {
  return heldCapabilities().includes(capability);
}

/** What this process holds now, or ("CapBnd") what it and its children could come to hold. */
export function heldCapabilities(set: "CapEff" | "CapPrm" | "CapBnd" = "CapEff"): readonly Capability[] {
  const digits = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  const bits = BigInt(`0x${digits ?? "0"}`);
  return CAPABILITY_NAMES.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}

/** May this process change links, addresses and routes here? */
export function mayConfigureNetwork(): boolean {
  return hasCapability("CAP_NET_ADMIN");
}

/** Loading network programs needs CAP_BPF and CAP_NET_ADMIN; pointer arithmetic in them CAP_PERFMON. CAP_SYS_ADMIN stands for two of them. */
export function mayLoadPrograms(): boolean {
  return lackingForPrograms().length === 0;
}

function lackingForPrograms(): readonly Capability[] {
  const wanted: readonly Capability[] = hasCapability("CAP_SYS_ADMIN") ? ["CAP_NET_ADMIN"] : ["CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"];
  return wanted.filter((capability) => !hasCapability(capability));
}

/** Throws NOT_PERMITTED when BPF programs cannot be loaded by this process; `attempted` completes "cannot ...". */
export function requireBpf(attempted = "load BPF programs"): void {
  const lacking = lackingForPrograms();
  if (lacking.length === 0) {
    requireSystemCall(attempted);
    return;
  }
  const options = lacking.map((capability) => `--cap-add ${capability.replace("CAP_", "")}`);
  throw new EvenkeelError("NOT_PERMITTED", `cannot ${attempted}: this process lacks ${lacking.join(", ")}`, {
    cure: `run as root (sudo); a container needs ${options.join(" ")}`,
  });
}

/** Capabilities are not all: seccomp filters and user namespaces take bpf(2) away from processes that have them. */
function requireSystemCall(attempted: string): void {
  const errno = -libbpf.bpf_obj_get("");
  if (errno === Errno.EPERM) {
    throw new EvenkeelError("NOT_PERMITTED", `cannot ${attempted}: the system call bpf() is refused: ${describeErrno(errno)}`, {
      cure: "run outside of sandboxes and user namespaces, or let the container's seccomp profile allow bpf",
      facts: { errno },
    });
  }
  if (errno !== Errno.ENOSYS) return;
  throw new EvenkeelError("BPF_UNAVAILABLE", `cannot ${attempted}: there is no system call bpf() here: ${describeErrno(errno)}`, {
    cure: "use a kernel with CONFIG_BPF_SYSCALL=y; in a container, let its seccomp profile allow bpf",
    facts: { errno },
  });
}

/** Throws NOT_PERMITTED when interfaces, addresses and routes cannot be changed; `attempted` completes "cannot ...". */
export function requireNetworkAdmin(attempted: string): void {
  if (mayConfigureNetwork()) return;
  throw new EvenkeelError("NOT_PERMITTED", `cannot ${attempted}: this process lacks CAP_NET_ADMIN`, { cure: "run as root (sudo)" });
}
