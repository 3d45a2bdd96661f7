/** An address with its port as ipvsadm writes them: numeric, or by the names that this host knows. */

import { type Address, formatAddress, packetBytes } from "../../model/address.ts";
import type { Protocol } from "../../model/service.ts";
import type { Names } from "./command.ts";

/** "207.1.1.1:80", "[fd07::1]:http". Without a protocol (marks, and their templates) a port has no name. */
export type EndText = (address: Address, port: number, protocol: Protocol | undefined) => string;

/** ipvsadm builds the text in 60 bytes, of which a long name loses its port, or its own end. */
const LENGTH_MAX = 59;

/** Names are asked for once each; without them addresses and ports are numbers. */
export function endText(names: Names | undefined): EndText {
  if (names === undefined) return (address, port) => joined(address, addressText(address), `${port}`);
  const hosts = new Map<string, string>();
  const ports = new Map<string, string>();
  const host = (address: Address) => {
    const number = addressText(address);
    return remembered(hosts, number, () => names.hostName(packetBytes(address)) ?? number);
  };
  const service = (port: number, protocol: Protocol | undefined) => {
    if (protocol === undefined) return `${port}`;
    return remembered(ports, `${protocol} ${port}`, () => names.serviceOf(port, protocol) ?? `${port}`);
  };
  return (address, port, protocol) => joined(address, host(address), service(port, protocol)).slice(0, LENGTH_MAX);
}

function joined({ family }: Address, host: string, port: string): string {
  return family === "ipv4" ? `${host}:${port}` : `[${host}]:${port}`;
}

/** As inet_ntop(3) of glibc: what RFC 5952 says, but also ::/96 ends as an IPv4 address does. */
export function addressText(address: Address): string {
  const { bytes, family } = address;
  const embedded = family === "ipv6" && (bytes[12] !== 0 || bytes[13] !== 0) && bytes.subarray(0, 12).every((byte) => byte === 0);
  return embedded ? `::${bytes.subarray(12).join(".")}` : formatAddress(address);
}

function remembered(known: Map<string, string>, key: string, ask: () => string): string {
  const found = known.get(key) ?? ask();
  known.set(key, found);
  return found;
}
