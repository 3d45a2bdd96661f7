/** Checks on the clients' way: sent to a virtual address by the forwarding of one server. Of which server they can be made. */

import type { Address } from "./address.ts";
import type { RealServer } from "./service.ts";

/** Why a check of this server cannot go the clients' way to this address, to complete "... because"; undefined: it can. */
export function whyNotClientsWay(virtual: Address, server: Pick<RealServer, "address" | "method">): string | undefined {
  // By NAT the server is spoken to under its own address in any case.
  if (server.method === "nat" || virtual.family === server.address.family) return undefined;
  return "the virtual address and the server's are of different families";
}
