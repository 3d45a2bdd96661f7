/** Checks on the clients' way: sent to the virtual address by the forwarding of one server. Which server they can be made of. */

import type { RealServer, VirtualService } from "./service.ts";

/** Why a check of this server cannot go the clients' way, to complete "... because"; undefined: it can. */
export function whyNotClientsWay(
  service: Pick<VirtualService, "address" | "mark">,
  server: Pick<RealServer, "address" | "method">,
): string | undefined {
  if (service.mark) return "a service by firewall mark has no address of its own";
  // By NAT the server is spoken to under its own address in any case.
  if (server.method !== "nat" && service.address.family !== server.address.family)
    return "the service's address and the server's are of different families";
  return undefined;
}
