/** Neighbours: whom the kernel knows by MAC address on each interface. */

import { type Address, type Family, formatAddress, sameAddress } from "../model/address.ts";
import { NetlinkFlag } from "../wire/netlink.ts";
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourQuery,
  type Neighbour,
  NeighbourMessage,
  type NewNeighbour,
} from "../wire/netlink-neighbour.ts";
import { change, dump, isNetlinkErrno } from "./netlink.ts";
import { Errno } from "./system-call.ts";

export function listNeighbours(family?: Family): readonly Neighbour[] {
  return dump({ type: NeighbourMessage.GET, payload: encodeNeighbourQuery(family), attempted: "list the neighbours" })
    .map((message) => decodeNeighbour(message.payload))
    .filter((neighbour) => neighbour !== undefined);
}

export function findNeighbour(interfaceIndex: number, address: Address): Neighbour | undefined {
  return listNeighbours(address.family).find((one) => one.interfaceIndex === interfaceIndex && sameAddress(one.address, address));
}

/** Asks the kernel to find out a neighbour's MAC address; the answer shows in its entry a moment later. */
export function resolveNeighbour(interfaceIndex: number, address: Address): void {
  change({
    type: NeighbourMessage.NEW,
    flags: NetlinkFlag.CREATE,
    payload: encodeNeighbour({ interfaceIndex, address, state: "none", resolve: true }),
    attempted: `resolve the neighbour ${formatAddress(address)} on interface ${interfaceIndex}`,
  });
}

/** Makes the entry or changes it. */
export function setNeighbour(neighbour: NewNeighbour): void {
  change({
    type: NeighbourMessage.NEW,
    flags: NetlinkFlag.CREATE | NetlinkFlag.REPLACE,
    payload: encodeNeighbour(neighbour),
    attempted: `set the neighbour ${formatAddress(neighbour.address)} on interface ${neighbour.interfaceIndex}`,
  });
}

/** Whether it was there. */
export function deleteNeighbour(neighbour: Pick<NewNeighbour, "interfaceIndex" | "address" | "proxy">): boolean {
  try {
    change({
      type: NeighbourMessage.DELETE,
      payload: encodeNeighbour({ ...neighbour, state: "none" }),
      attempted: `remove the neighbour ${formatAddress(neighbour.address)} on interface ${neighbour.interfaceIndex}`,
    });
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, Errno.ENOENT)) return false;
    throw error;
  }
}
