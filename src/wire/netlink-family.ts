/** Address families by the kernel's numbers. */

import { type Address, addressFromBytes, type Family } from "../model/address.ts";

const AF_INET = 2;
const AF_INET6 = 10;

export function familyNumber(family: Family): number {
  return family === "ipv4" ? AF_INET : AF_INET6;
}

export function familyOf(number: number): Family | undefined {
  return number === AF_INET ? "ipv4" : number === AF_INET6 ? "ipv6" : undefined;
}

export function addressOf(value: Uint8Array | undefined): Address | undefined {
  return value === undefined || (value.length !== 4 && value.length !== 16) ? undefined : addressFromBytes(value);
}

/** 0.0.0.0 or :: */
export function unspecified(family: Family): Address {
  return { family, bytes: new Uint8Array(16) };
}
