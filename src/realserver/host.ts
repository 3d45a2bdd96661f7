/** A real server as the requirements see it: its interfaces and routes as values, and each setting to be read and written. */

import { type Address, formatAddress, sameAddress } from "../model/address.ts";
import type { Setting } from "./setting.ts";

export interface HostAddress {
  readonly address: Address;
  readonly prefixLength: number;
}

export interface HostInterface {
  readonly name: string;
  readonly index: number;
  readonly isUp: boolean;
  /** Has link addresses, so ARP and Ethernet frames: not lo, no tunnel. */
  readonly isEthernet: boolean;
  readonly addresses: readonly HostAddress[];
}

export interface DefaultRoute {
  readonly family: Address["family"];
  /** Missing: on a link without one, or several at once. */
  readonly gateway: string | undefined;
  readonly interfaceName: string;
  readonly metric: number;
}

/** What is, at one moment. */
export interface Host {
  readonly interfaces: readonly HostInterface[];
  /** Of the main table, in the order in which the kernel tries them. */
  readonly defaultRoutes: readonly DefaultRoute[];
}

/** The machine itself, or in a test a stand-in for it. */
export interface Machine {
  host(): Host;
  /** The value now; "absent" when there is no such thing. */
  read(setting: Setting): string;
  write(setting: Setting, value: string): void;
  /** What our decapsulation counted, by name of the outcome; undefined when it is not loaded. */
  decapsulationCounters(): Readonly<Record<string, bigint>> | undefined;
}

/** Interfaces that carry the real server's own addresses: where the director's packets come in and neighbours ask. */
export function lanInterfaces(host: Host, names: readonly string[]): readonly HostInterface[] {
  if (names.length > 0) return host.interfaces.filter(({ name }) => names.includes(name));
  return host.interfaces.filter(
    ({ isUp, isEthernet, addresses }) => isUp && isEthernet && addresses.some(({ address }) => !isLinkLocal(address)),
  );
}

export function interfaceHolding(host: Host, address: Address): HostInterface | undefined {
  return host.interfaces.find(({ addresses }) => addresses.some((own) => sameAddress(own.address, address)));
}

/** Is the address on the interface's own network, so that it can be a next hop there? */
export function isOnLink(own: HostInterface, address: Address): boolean {
  return own.addresses.some((one) => sameNetwork(one, address));
}

export function describeRoute(route: DefaultRoute): string {
  const via = route.gateway === undefined ? "" : ` via ${route.gateway}`;
  return `default${via} dev ${route.interfaceName} metric ${route.metric}`;
}

export function isLinkLocal({ family, bytes }: Address): boolean {
  return family === "ipv6" ? bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80 : bytes[0] === 169 && bytes[1] === 254;
}

/** Why the address cannot be a VIP or a gateway; undefined when it can. */
export function notUnicast(address: Address): string | undefined {
  const { family, bytes } = address;
  const first = bytes[0] ?? 0;
  if (family === "ipv4") {
    if (first === 0) return "an unspecified address";
    if (first === 127) return "a loopback address";
    if (first >= 224 && first < 240) return "a multicast address";
    return first >= 240 ? "a reserved or broadcast address" : undefined;
  }
  const text = formatAddress(address);
  if (text === "::") return "the unspecified address";
  if (text === "::1") return "the loopback address";
  if (text.startsWith("::ffff:")) return "an IPv4 address in IPv6 clothes";
  return first === 0xff ? "a multicast address" : undefined;
}

function sameNetwork(own: HostAddress, address: Address): boolean {
  if (own.address.family !== address.family) return false;
  for (let bit = 0; bit < own.prefixLength; bit += 8) {
    const mask = 0xff00 >> Math.min(8, own.prefixLength - bit);
    const difference = (own.address.bytes[bit / 8] ?? 0) ^ (address.bytes[bit / 8] ?? 0);
    if ((difference & mask & 0xff) !== 0) return false;
  }
  return true;
}
