/** The packet path on interfaces: attached, taken off, and what XDP must know of each (`ports`). */

import { type Attached, attach, attached, detach, LINK_PIN } from "../kernel/attach.ts";
import { findLink, getLink } from "../kernel/links.ts";
import { programInfo } from "../kernel/object-info.ts";
import { pinnedLinks } from "../kernel/pins.ts";
import { EvenkeelError } from "../model/error.ts";
import type { Attachment, WantedAttachment } from "../model/plane.ts";
import { PortFlag } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";

const NO_PORT = { mac: new Uint8Array(6), flags: 0 };

export function attachPort(path: PacketPath, wanted: WantedAttachment): void {
  const link = getLink(wanted.interfaceName);
  const xdpAllowed = link.index < path.maps.ports.maxEntries;
  if (!xdpAllowed && wanted.hook.startsWith("xdp")) {
    throw new EvenkeelError(
      "LIMIT_REACHED",
      `XDP cannot be used on ${link.name}: its interface number ${link.index} is above ${path.maps.ports.maxEntries - 1}`,
      {
        cure: "use hook: tc for it",
      },
    );
  }
  // The MAC before the program: frames for other hosts are never touched.
  if (xdpAllowed) path.maps.ports.update(link.index, { mac: macOf(link.mac), flags: PortFlag.MAC_KNOWN });
  attach({
    ifindex: link.index,
    ifname: link.name,
    hook: xdpAllowed ? wanted.hook : "tc",
    pinDirectory: path.pins,
    tcProgramFd: path.tcProgram,
    // Asked for only where XDP is wanted: loading it takes as long as all the rest.
    get xdpProgramFd() {
      return path.xdpProgram;
    },
  });
  writePorts(path);
}

/** Whether something of ours was there. */
export function detachPort(path: PacketPath, attachment: Attachment): boolean {
  const link = findLink(attachment.interfaceName);
  if (link === undefined) return false;
  const found = detach({ ifindex: link.index, pinDirectory: path.pins });
  if (link.index < path.maps.ports.maxEntries) path.maps.ports.update(link.index, NO_PORT);
  writePorts(path);
  return found;
}

export function listPorts(path: PacketPath): Attachment[] {
  return attached(path.pins).map(({ ifname, hook }) => ({ interfaceName: ifname, hook }));
}

/** Programs that were reloaded, on every interface that has ours. */
export function replacePorts(path: PacketPath): void {
  for (const { interfaceName, hook } of listPorts(path)) attachPort(path, { interfaceName, hook });
}

/** Interfaces whose program is not the pinned one get it; how many. */
export function renewPorts(path: PacketPath): number {
  const tc = programInfo(path.tcProgram).id;
  const outdated = attached(path.pins).filter(
    ({ tcProgramId, xdpProgramId }) =>
      tcProgramId !== tc || (xdpProgramId !== undefined && xdpProgramId !== programInfo(path.xdpProgram).id),
  );
  for (const { ifname, hook } of outdated) attachPort(path, { interfaceName: ifname, hook });
  return outdated.length;
}

/** MAC addresses as they are now, and nothing of interfaces that are gone or of a hook that none has any more. */
export function tidyPorts(path: PacketPath): void {
  for (const { name, info } of pinnedLinks(path.pins)) if (info.ifindex === 0 && LINK_PIN.test(name)) path.pins.unpin("links", name);
  if (listPorts(path).every(({ hook }) => hook === "tc")) path.dropXdp();
  writePorts(path);
}

/** Where XDP may redirect to: interfaces that have it natively, or generically when none has it natively. */
function writePorts(path: PacketPath): void {
  const all = attached(path.pins);
  const native = all.some(({ hook }) => hook === "xdp");
  const mayReceive = ({ hook }: Attached) => (native ? hook === "xdp" : hook === "xdp-generic");
  const listens = new Set(all.map(({ ifindex }) => ifindex));
  for (const [ifindex, { flags }] of path.maps.ports.entries()) {
    if (flags !== 0 && !listens.has(ifindex)) path.maps.ports.update(ifindex, NO_PORT);
  }
  for (const one of all) {
    if (one.ifindex >= path.maps.ports.maxEntries) continue;
    const flags = mayReceive(one) ? PortFlag.MAC_KNOWN | PortFlag.REDIRECT : PortFlag.MAC_KNOWN;
    path.maps.ports.update(one.ifindex, { mac: macOf(getLink(one.ifindex).mac), flags });
  }
}

function macOf(mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(6);
  bytes.set(mac.subarray(0, 6));
  return bytes;
}
