/**
 * Addresses of services and servers as ipvsadm takes them: "192.0.2.1:80", "www:http", "[2001:db8::1]:80", a host alone for port 0 or
 * the service's port. An IPv6 address in brackets needs a port; without brackets it has none, so "::1:80" is all address.
 */

import { type Address, addressFromBytes, parseAddress } from "../../model/address.ts";
import type { Protocol } from "../../model/service.ts";
import type { Names } from "./command.ts";
import { inetAton } from "./inet-aton.ts";
import { integerBetween } from "./values.ts";

export interface HostAndPort {
  readonly address: Address;
  /** Undefined: none was given. */
  readonly port: number | undefined;
}

/** Undefined: it cannot be read, or no such name is known. Ports have no names before the protocol is known. */
export function parseHostAndPort(text: string, protocol: Protocol | undefined, names: Names): HostAndPort | undefined {
  // A port and no host, though "10:80" is 0.0.0.10.
  if (/^\d+$/.test(text)) return undefined;
  const close = text.indexOf("]");
  if (text.startsWith("[")) {
    if (text[close + 1] !== ":") return undefined;
    const inside = text.slice(1, close);
    const address = ipv6Address(inside);
    // What is in the brackets and no IPv6 address is taken for the whole.
    return address === undefined ? hostAndPort(inside, protocol, names) : withPort(address, text.slice(close + 2), protocol, names);
  }
  const address = ipv6Address(text);
  return address === undefined ? hostAndPort(text, protocol, names) : { address, port: undefined };
}

/** An IPv4 address or the name of a host that has one. */
export function parseHost(text: string, names: Names): Address | undefined {
  const bytes = inetAton(text) ?? names.hostAddress(text);
  return bytes === undefined ? undefined : addressFromBytes(bytes);
}

/** As inet_pton(3). */
export function ipv6Address(text: string): Address | undefined {
  // "192.0.2.1:80", which most are, without the cost of an error.
  if (text.indexOf(":") === text.lastIndexOf(":")) return undefined;
  try {
    return parseAddress(text);
  } catch {
    // No IPv6 address; what else it may be is the caller's to say.
    return undefined;
  }
}

function hostAndPort(text: string, protocol: Protocol | undefined, names: Names): HostAndPort | undefined {
  const colon = text.lastIndexOf(":");
  const address = parseHost(colon < 0 ? text : text.slice(0, colon), names);
  if (address === undefined) return undefined;
  return colon < 0 ? { address, port: undefined } : withPort(address, text.slice(colon + 1), protocol, names);
}

function withPort(address: Address, text: string, protocol: Protocol | undefined, names: Names): HostAndPort | undefined {
  const port = integerBetween(text, 0, 65535) ?? (protocol === undefined ? undefined : names.portOf(text, protocol));
  return port === undefined ? undefined : { address, port };
}
