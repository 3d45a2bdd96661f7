/**
 * Which hook an interface gets when nobody says: tc everywhere it is the better one, native XDP on physical network cards.
 * Generic XDP never: it costs what tc costs and knows less (docs: packet path).
 */

import type { Link } from "../wire/netlink-link.ts";

export interface HookDecision {
  readonly hook: "tc" | "xdp";
  /** For people: why. */
  readonly reason: string;
}

/** Cards of virtual machines: native XDP exists, but costs queues, offloads or MTU, and gains little over tc. */
const VIRTUAL_CARDS = new Set(["virtio_net", "ena", "gve", "hv_netvsc", "mana", "vmxnet3", "vif", "xen_netfront", "netvsc"]);
const PHYSICAL_BUSES = new Set(["pci", "platform", "fsl-mc"]);

export function chooseHook(link: Pick<Link, "kind" | "bus" | "loopback">, driver: string | undefined): HookDecision {
  if (link.loopback) return { hook: "tc", reason: "loopback has no native XDP" };
  if (link.kind !== undefined) return { hook: "tc", reason: `on ${link.kind} interfaces tc keeps the offloads` };
  if (driver !== undefined && VIRTUAL_CARDS.has(driver)) return { hook: "tc", reason: `${driver} is a virtual machine's card` };
  if (link.bus === undefined || !PHYSICAL_BUSES.has(link.bus))
    return { hook: "tc", reason: `not a physical network card (bus ${link.bus ?? "none"})` };
  return { hook: "xdp", reason: `a physical network card (${driver ?? "unknown driver"})` };
}
