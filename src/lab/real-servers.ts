/** The real servers' side of the lab, set up as on any real server: by realserver/, inside each one's namespace. */

import { inNamespace } from "../kernel/namespace.ts";
import { type Address, parseAddress } from "../model/address.ts";
import type { ForwardingMethod } from "../model/service.ts";
import { up } from "../realserver/realserver.ts";
import { namespaceFile } from "./commands.ts";
import { ADDRESSES, type LabOptions, namespaceOf, type Pair, serverNames, sides } from "./topology.ts";

export function setUpRealServers(lab: LabOptions): void {
  for (const node of serverNames(lab.servers)) setUpRealServer(lab, node);
}

/** Without `other` as the lab's method wants it. */
export function setUpRealServer(
  lab: LabOptions,
  node: string,
  other?: { readonly method: ForwardingMethod; readonly gateway: Pair },
): void {
  const { method, gateway } = other ?? { method: lab.method, gateway: sides(lab.method).gateway };
  const tunnel = method === "tun" && lab.tunnel !== "ipip" ? { tunnel: { type: lab.tunnel } } : {};
  const options = { method, vips: both(ADDRESSES.vip), gateways: both(gateway), ...tunnel };
  inNamespace(namespaceFile(namespaceOf(lab.name, node)), () => up(options));
}

function both({ ipv4, ipv6 }: Pair): Address[] {
  return [parseAddress(ipv4), parseAddress(ipv6)];
}
