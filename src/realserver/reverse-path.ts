/**
 * Strict reverse-path filtering (rp_filter 1) drops a packet whose answer would leave by another interface: the client's packet
 * comes from the director's side, or out of a tunnel device, and the answer leaves by the default route. Loose (2) is enough:
 * the kernel takes the greater of conf/all and conf/INTERFACE, so 2 on the one interface overrides a strict "all", where the
 * customary 0 would have to be set on "all" too and take the protection from every interface. IPv6 has no such switch.
 */

import type { Machine } from "./host.ts";
import type { Finding, Requirement } from "./requirement.ts";
import { conf } from "./sysctl.ts";

const STRICT = "1";
const LOOSE = "2";

export function reversePathRequirements(interfaceNames: readonly string[]): readonly Requirement[] {
  return interfaceNames.map(reversePathRequirement);
}

function reversePathRequirement(interfaceName: string): Requirement {
  const setting = conf("ipv4", interfaceName, "rp_filter");
  const check = (machine: Machine): Finding => {
    const own = machine.read(setting);
    const all = machine.read(conf("ipv4", "all", "rp_filter"));
    const effective = String(Math.max(Number(own), Number(all)));
    const seen = `${effective} in effect (${interfaceName} ${own}, all ${all})`;
    if (effective !== STRICT) return { holds: true, evidence: seen };
    return { holds: false, evidence: `${seen}: packets whose answer leaves by another interface are dropped` };
  };
  return { name: `rp_filter on ${interfaceName}`, check, remedy: { setting, wanted: LOOSE, needed: (machine) => !check(machine).holds } };
}
