/**
 * Hides VIPs from ARP. Linux answers for any local address on any interface, and asks with the address it is about to use:
 * either makes the router send the VIP's packets straight to this server, past the director.
 *
 * arp_ignore 1: answer only for addresses of the interface asked at (2, also within its network, does as well).
 * arp_announce 2: ask with an address of the interface the question leaves by.
 *
 * The kernel takes the greater of conf/all and conf/INTERFACE for both. "all" covers interfaces that come later;
 * the interface's own value keeps the VIP hidden when somebody resets "all". Hence both, as the LVS documents say.
 */

import type { Machine } from "./host.ts";
import type { Finding, Requirement } from "./requirement.ts";
import { conf } from "./sysctl.ts";

interface ArpRule {
  readonly key: "arp_ignore" | "arp_announce";
  readonly wanted: string;
  readonly allowed: readonly string[];
  readonly broken: string;
}

const RULES: readonly ArpRule[] = [
  { key: "arp_ignore", wanted: "1", allowed: ["1", "2"], broken: "this server answers ARP for the VIP" },
  { key: "arp_announce", wanted: "2", allowed: ["2"], broken: "this server's own ARP requests announce the VIP" },
];

export function arpRequirements(interfaceNames: readonly string[]): readonly Requirement[] {
  return RULES.flatMap((rule) => ["all", ...interfaceNames].map((name) => arpRequirement(rule, name)));
}

function arpRequirement(rule: ArpRule, interfaceName: string): Requirement {
  const setting = conf("ipv4", interfaceName, rule.key);
  return {
    name: `${rule.key} on ${interfaceName}`,
    check: (machine) => (interfaceName === "all" ? checkAll(machine, rule) : checkInterface(machine, rule, interfaceName)),
    remedy: { setting, wanted: rule.wanted, needed: (machine) => !rule.allowed.includes(machine.read(setting)) },
  };
}

function checkAll(machine: Machine, rule: ArpRule): Finding {
  const setting = conf("ipv4", "all", rule.key);
  const value = machine.read(setting);
  const holds = rule.allowed.includes(value);
  return { holds, evidence: `${setting.name} is ${value}${holds ? "" : ": interfaces that come later would show the VIP"}` };
}

/** What counts on an interface is the greater of the two values. */
function checkInterface(machine: Machine, rule: ArpRule, interfaceName: string): Finding {
  const own = machine.read(conf("ipv4", interfaceName, rule.key));
  const all = machine.read(conf("ipv4", "all", rule.key));
  const effective = String(Math.max(Number(own), Number(all)));
  const holds = rule.allowed.includes(effective);
  return { holds, evidence: `${effective} in effect (${interfaceName} ${own}, all ${all})${holds ? "" : `: ${rule.broken}`}` };
}
