/** Interface addresses: listed, added, removed. */

import { type Address, formatAddress, sameAddress } from "../model/address.ts";
import { NetlinkFlag } from "../wire/netlink.ts";
import {
  AddressMessage,
  decodeAddress,
  encodeAddress,
  encodeAddressQuery,
  type InterfaceAddress,
  type NewAddress,
} from "../wire/netlink-address.ts";
import { change, dump, isNetlinkErrno } from "./netlink.ts";
import { Errno } from "./system-call.ts";

export function listAddresses(interfaceIndex?: number): readonly InterfaceAddress[] {
  return dump({ type: AddressMessage.GET, payload: encodeAddressQuery(), attempted: "list the addresses" })
    .map((message) => decodeAddress(message.payload))
    .filter((address) => address !== undefined)
    .filter((address) => interfaceIndex === undefined || address.interfaceIndex === interfaceIndex);
}

/** Whether any interface here has that address. */
export function isLocalAddress(address: Address): boolean {
  return listAddresses().some((present) => sameAddress(present.address, address));
}

/** false when the interface had it already (with that prefix length). */
export function addAddress(address: NewAddress): boolean {
  try {
    change({
      type: AddressMessage.NEW,
      flags: NetlinkFlag.CREATE | NetlinkFlag.EXCLUSIVE,
      payload: encodeAddress(address),
      attempted: `add the address ${describe(address)}`,
    });
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, Errno.EEXIST)) return false;
    throw error;
  }
}

/** Whether it was there. */
export function deleteAddress(address: Pick<NewAddress, "interfaceIndex" | "address" | "prefixLength">): boolean {
  try {
    change({ type: AddressMessage.DELETE, payload: encodeAddress(address), attempted: `remove the address ${describe(address)}` });
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, Errno.EADDRNOTAVAIL)) return false;
    throw error;
  }
}

function describe(address: Pick<NewAddress, "interfaceIndex" | "address" | "prefixLength">): string {
  return `${formatAddress(address.address)}/${address.prefixLength} on interface ${address.interfaceIndex}`;
}
