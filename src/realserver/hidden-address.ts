/**
 * The VIP as a hidden address: on lo, as a host address, so that the server accepts packets to it without telling the network.
 * IPv4 needs arp.ts besides. IPv6 does not: a neighbour solicitation is answered only for addresses of the interface that it
 * came in by (ndisc_recv_ns()), and ours go out with a source of the interface they leave by, never with a VIP that stands on lo.
 */

import { type Address, formatAddress } from "../model/address.ts";
import { type HostInterface, interfaceHolding } from "./host.ts";
import type { Requirement } from "./requirement.ts";
import { PRESENT, type Setting } from "./setting.ts";

/** Where a VIP is hidden. */
export const HIDING_PLACE = "lo";

export function hiddenAddress(vip: Address): Requirement {
  const text = formatAddress(vip);
  const setting: Setting = { kind: "hidden-address", address: text };
  return {
    name: `${text} is hidden on lo`,
    check(machine) {
      const announcing = announcingInterface(machine.host().interfaces, vip);
      if (announcing !== undefined) return { holds: false, evidence: `${announcing.name} has ${text}: the network is told of it` };
      if (machine.read(setting) === PRESENT) return { holds: true, evidence: `lo has ${text}` };
      return { holds: false, evidence: `lo does not have ${text}: packets to it are not accepted` };
    },
    remedy: { setting, wanted: PRESENT, needed: (machine) => machine.read(setting) !== PRESENT },
  };
}

/** NAT: the director has already put the server's own address into the packet, and replies to the VIP must leave this host. */
export function vipElsewhere(vip: Address): Requirement {
  const text = formatAddress(vip);
  return {
    name: `${text} is not on this server`,
    check(machine) {
      const holder = interfaceHolding(machine.host(), vip);
      if (holder === undefined) return { holds: true, evidence: "no interface has it" };
      return { holds: false, evidence: `${holder.name} has it: with NAT only the director may` };
    },
  };
}

/** With the VIP on a real interface, the whole network is told of it: no sysctl hides it from IPv6, nor from the director. */
export function announcingInterface(interfaces: readonly HostInterface[], vip: Address): HostInterface | undefined {
  return interfaceHolding({ interfaces: interfaces.filter(({ isEthernet }) => isEthernet), defaultRoutes: [] }, vip);
}
