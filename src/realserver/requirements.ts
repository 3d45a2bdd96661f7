/**
 * The table: what each forwarding method asks of a real server. The order is the order of doing, and backwards that of undoing:
 * ARP is silenced before the VIP appears, or the network would hear of it in between.
 */

import type { ForwardingMethod } from "../model/service.ts";
import { arpRequirements } from "./arp.ts";
import { decapsulationRequirements } from "./decapsulation.ts";
import { gatewayRequirement } from "./gateway.ts";
import { hiddenAddress, vipElsewhere } from "./hidden-address.ts";
import type { Machine } from "./host.ts";
import type { Settled } from "./options.ts";
import type { Requirement } from "./requirement.ts";
import { reversePathRequirements } from "./reverse-path.ts";

/** What a family of requirements asks of this server. */
type Ask = (settled: Settled, machine: Machine) => readonly Requirement[];

const arp: Ask = (settled) => (hasIpv4(settled) ? arpRequirements(names(settled)) : []);
const hidden: Ask = ({ vips }) => vips.map(hiddenAddress);
const elsewhere: Ask = ({ vips }) => vips.map(vipElsewhere);
const reversePath: Ask = (settled) => (hasIpv4(settled) ? reversePathRequirements(names(settled)) : []);
const gateway: Ask = ({ gateways }) => gateways.map((one) => gatewayRequirement(one.gateway, one.lan));

const FAMILIES = {
  nat: [elsewhere, gateway],
  dr: [arp, reversePath, hidden, gateway],
  tun: [arp, reversePath, decapsulationRequirements, hidden, gateway],
} satisfies Record<ForwardingMethod, readonly Ask[]>;

export function requirementsFor(settled: Settled, machine: Machine): readonly Requirement[] {
  return FAMILIES[settled.method].flatMap((family) => family(settled, machine));
}

function hasIpv4({ vips }: Settled): boolean {
  return vips.some(({ family }) => family === "ipv4");
}

function names({ lan }: Settled): readonly string[] {
  return lan.map(({ name }) => name);
}
