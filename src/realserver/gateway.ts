/**
 * The way back. With NAT it must be the director, who alone can put the VIP into the reply; with DR and TUN it is the router.
 * Ours is put in front of the default routes that stand, as two halves of the address space, and none is taken away: to go back,
 * ours is removed, and nothing of what was there has to be made again.
 */

import { type Address, formatAddress } from "../model/address.ts";
import { describeRoute, type Host, type HostInterface, isOnLink } from "./host.ts";
import type { Requirement } from "./requirement.ts";
import { PRESENT, type Setting } from "./setting.ts";

export function gatewayRequirement(gateway: Address, lan: HostInterface): Requirement {
  const text = formatAddress(gateway);
  const setting: Setting = { kind: "default-route", gateway: text, interfaceName: lan.name };
  const isFirst = (host: Host): boolean => {
    const route = firstDefaultRoute(host, gateway.family);
    return route?.gateway === text && route.interfaceName === lan.name;
  };
  return {
    name: `default route via ${text}`,
    check(machine) {
      const host = machine.host();
      const route = firstDefaultRoute(host, gateway.family);
      if (route === undefined) return { holds: false, evidence: "there is no default route" };
      return { holds: isFirst(host), evidence: describeRoute(route) };
    },
    remedy: { setting, wanted: PRESENT, needed: (machine) => !isFirst(machine.host()) },
  };
}

/** The interface whose network the gateway is on. */
export function interfaceTowards(interfaces: readonly HostInterface[], gateway: Address): HostInterface | undefined {
  return interfaces.find((one) => isOnLink(one, gateway));
}

/** The one the kernel uses: of the least metric, the first. */
function firstDefaultRoute(host: Host, family: Address["family"]): Host["defaultRoutes"][number] | undefined {
  const routes = host.defaultRoutes.filter((route) => route.family === family);
  return routes.reduce<Host["defaultRoutes"][number] | undefined>(
    (best, route) => (best === undefined || route.metric < best.metric ? route : best),
    undefined,
  );
}
