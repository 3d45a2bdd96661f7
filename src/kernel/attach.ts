/**
 * Puts the packet path on an interface and takes it off. tc always; XDP in front of it as an accelerator where asked for or chosen.
 * Links are pinned, so that packets flow on when we are gone and the next process finds, replaces or removes what we attached.
 */

import { EvenkeelError } from "../model/error.ts";
import type { HookChoice } from "../model/plane.ts";
import { attachClsact, detachClsact, queryClsact } from "./clsact.ts";
import { driverOf } from "./driver.ts";
import { chooseHook } from "./hook-choice.ts";
import { libbpf } from "./libbpf.ts";
import { libc } from "./libc.ts";
import { getLink, listLinks } from "./links.ts";
import { linkInfo } from "./object-info.ts";
import type { PinDirectory } from "./pins.ts";
import { Errno, systemCallError } from "./system-call.ts";
import { attachTcx, tcxAvailable } from "./tcx.ts";
import { attachXdp, type XdpKind } from "./xdp.ts";

export interface Programs {
  readonly tcProgramFd: number;
  readonly xdpProgramFd: number;
}

export interface AttachRequest extends Programs {
  readonly ifindex: number;
  readonly ifname: string;
  readonly hook: HookChoice;
  readonly pinDirectory: PinDirectory;
  /** How tc is attached; by what the kernel has when left out. */
  readonly tcMechanism?: "tcx" | "clsact";
}

export interface Attached {
  readonly ifindex: number;
  readonly ifname: string;
  readonly hook: Exclude<HookChoice, "auto">;
  readonly tcMechanism: "tcx" | "clsact";
  readonly tcProgramId: number;
  /** When there is an XDP program in front. */
  readonly xdpProgramId: number | undefined;
}

export interface AttachResult {
  readonly hook: Exclude<HookChoice, "auto">;
  /** For people: why this hook. */
  readonly reason: string;
}

type Target = Pick<AttachRequest, "ifindex" | "ifname" | "pinDirectory">;

/** Attaches, or replaces what we attached before, without a gap. In the current network namespace. */
export function attach(request: AttachRequest): AttachResult {
  const { hook, reason } = decide(request);
  const fresh = attachTc(request);
  try {
    if (hook === "tc") {
      detachLink(request.pinDirectory, xdpPin(request.ifindex));
      return { hook, reason };
    }
    attachXdpLink(request, hook === "xdp" ? "native" : "generic");
    return { hook, reason };
  } catch (error) {
    if (request.hook === "auto" && error instanceof EvenkeelError && error.code === "KERNEL_FEATURE_MISSING") {
      return { hook: "tc", reason: error.message };
    }
    // What was asked for cannot be had: nothing is left half done.
    if (fresh) detachTc(request);
    throw error;
  }
}

/** New programs on an interface that has ours already. */
export function replace(attached: Attached, request: Programs & { readonly pinDirectory: PinDirectory }): void {
  attach({ ...request, ifindex: attached.ifindex, ifname: attached.ifname, hook: attached.hook, tcMechanism: attached.tcMechanism });
}

/** Whether anything of ours was there. */
export function detach(target: { readonly ifindex: number; readonly pinDirectory: PinDirectory }): boolean {
  // XDP first: without tc behind it, it would forward half.
  const xdp = detachLink(target.pinDirectory, xdpPin(target.ifindex));
  return detachTc(target) || xdp;
}

/** What of ours is attached in the current namespace, found by its pins (tcx, XDP) and filters (clsact). */
export function attached(pinDirectory: PinDirectory): readonly Attached[] {
  const links = listLinks();
  return links.flatMap((link): Attached[] => {
    const tcx = programOf(pinDirectory, tcPin(link.index), link.index);
    const tcProgramId = tcx ?? queryClsact(link.index);
    if (tcProgramId === undefined) return [];
    const xdpProgramId = programOf(pinDirectory, xdpPin(link.index), link.index);
    const xdpHook = link.xdp?.mode === "generic" ? "xdp-generic" : "xdp";
    return [
      {
        ifindex: link.index,
        ifname: link.name,
        hook: xdpProgramId === undefined ? "tc" : xdpHook,
        tcMechanism: tcx === undefined ? "clsact" : "tcx",
        tcProgramId,
        xdpProgramId,
      },
    ];
  });
}

function decide(request: AttachRequest): AttachResult {
  if (request.hook !== "auto") return { hook: request.hook, reason: "as configured" };
  return chooseHook(getLink(request.ifindex), driverOf(request.ifname));
}

// bpffs allows no dot in a name, interfaces do; their numbers also survive a renaming.
export const LINK_PIN = /^(tc|xdp)-\d+$/;

function tcPin(ifindex: number): string {
  return `tc-${ifindex}`;
}

function xdpPin(ifindex: number): string {
  return `xdp-${ifindex}`;
}

/** Whether it was not there before. */
function attachTc(request: AttachRequest): boolean {
  const mechanism = request.tcMechanism ?? (tcxAvailable() ? "tcx" : "clsact");
  if (mechanism === "clsact") {
    const fresh = queryClsact(request.ifindex) === undefined;
    attachClsact(request.tcProgramFd, request);
    return fresh;
  }
  return updateOrCreate(request, tcPin(request.ifindex), request.tcProgramFd, () => attachTcx(request.tcProgramFd, request));
}

function detachTc(target: Pick<Target, "ifindex" | "pinDirectory">): boolean {
  const tcx = detachLink(target.pinDirectory, tcPin(target.ifindex));
  return detachClsact(target.ifindex) || tcx;
}

function attachXdpLink(request: AttachRequest, kind: XdpKind): void {
  const pin = xdpPin(request.ifindex);
  const standing = getLink(request.ifindex).xdp;
  // A link keeps its mode for life.
  if (standing !== undefined && standing.mode !== kind && programOf(request.pinDirectory, pin, request.ifindex) === standing.programId) {
    detachLink(request.pinDirectory, pin);
  }
  updateOrCreate(request, pin, request.xdpProgramFd, () => attachXdp(request.xdpProgramFd, request, kind));
}

/** Puts the program behind the pinned link, or makes and pins one. Whether it was made. */
function updateOrCreate(target: Target, pin: string, programFd: number, create: () => number): boolean {
  const standing = target.pinDirectory.open("links", pin);
  if (standing !== undefined) {
    try {
      if (linkInfo(standing).ifindex === target.ifindex) {
        const result = libbpf.bpf_link_update(standing, programFd, null);
        if (result < 0) throw systemCallError(`replace the program on ${target.ifname}`, -result);
        return false;
      }
    } finally {
      libc.close(standing);
    }
    // Of an interface that is gone and whose number came back.
    target.pinDirectory.unpin("links", pin);
  }
  const link = create();
  try {
    target.pinDirectory.pin("links", pin, link);
    return true;
  } finally {
    // Not pinned, the link ends with this descriptor: nothing stays attached that nobody could find.
    libc.close(link);
  }
}

function programOf(pinDirectory: PinDirectory, pin: string, ifindex: number): number | undefined {
  const fd = pinDirectory.open("links", pin);
  if (fd === undefined) return undefined;
  try {
    const info = linkInfo(fd);
    return info.ifindex === ifindex ? info.programId : undefined;
  } finally {
    libc.close(fd);
  }
}

/** At once, though other descriptors of the link may be open. Whether it was there. */
function detachLink(pinDirectory: PinDirectory, pin: string): boolean {
  const fd = pinDirectory.open("links", pin);
  if (fd === undefined) return false;
  try {
    // ENOLINK: its interface is gone already.
    const result = libbpf.bpf_link_detach(fd);
    if (result < 0 && -result !== Errno.ENOLINK) throw systemCallError(`detach ${pin}`, -result);
  } finally {
    libc.close(fd);
  }
  return pinDirectory.unpin("links", pin);
}
