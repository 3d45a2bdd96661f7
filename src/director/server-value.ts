/** A real server as the packet path's map `servers` holds it, with the way to it. Its thresholds stand beside its load. */

import { type Address, addressFromBytes, packetBytes } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ForwardingMethod, RealServer, Tunnel } from "../model/service.ts";
import { Family, ForwardingMethod as MethodNumber, type Server, ServerFlag, TunnelFlag, TunnelType } from "../wire/abi.ts";
import type { ServerWay } from "./server-way.ts";

const METHOD_NUMBERS = {
  nat: MethodNumber.NAT,
  dr: MethodNumber.DIRECT,
  tun: MethodNumber.TUNNEL,
} as const satisfies Record<ForwardingMethod, number>;

const METHOD_NAMES = new Map<number, ForwardingMethod>(
  Object.entries(METHOD_NUMBERS).map(([name, number]) => [number, name as ForwardingMethod]),
);

const TUNNEL_NUMBERS = {
  ipip: TunnelType.IPIP,
  gre: TunnelType.GRE,
  gue: TunnelType.GUE,
} as const satisfies Record<Tunnel["type"], number>;

const NOWHERE = new Uint8Array(16);

/** What a server's entry says of it: all but the thresholds. */
export type ServerEntry = Omit<RealServer, "upperThreshold" | "lowerThreshold">;

export function serverValue(service: number, server: ServerEntry, way: ServerWay | undefined): Server {
  const tunnel = server.method === "tun" ? server.tunnel : undefined;
  return {
    address: server.address.bytes,
    tunnelSource: way?.source?.bytes ?? NOWHERE,
    port: server.port,
    family: familyNumber(server.address),
    method: way?.local ? MethodNumber.LOCAL : METHOD_NUMBERS[server.method],
    flags: ServerFlag.AVAILABLE,
    service,
    ifindex: way?.ifindex ?? 0,
    mtu: way?.mtu ?? 0,
    tunnelType: TUNNEL_NUMBERS[tunnel?.type ?? "ipip"],
    tunnelFlags: (tunnel?.checksum ? TunnelFlag.CHECKSUM : 0) | (tunnel?.remoteChecksum ? TunnelFlag.REMOTE_CHECKSUM : 0),
    tunnelPort: tunnel?.port ?? 0,
    nextHop: way?.nextHop.bytes ?? NOWHERE,
    nextHopFamily: way === undefined ? Family.NONE : familyNumber(way.nextHop),
    configured: METHOD_NUMBERS[server.method],
    weight: server.weight,
    pathMtu: 0,
    pathMtuUntil: 0,
  };
}

export function serverOf(value: Server): ServerEntry {
  const method = methodName(value.configured);
  const tunnel = method === "tun" ? tunnelOf(value) : undefined;
  const { port, weight } = value;
  return { address: addressOf(value.address, value.family), port, weight, method, ...(tunnel === undefined ? {} : { tunnel }) };
}

/** Plain IPIP is no tunnel worth a word. */
function tunnelOf({ tunnelType, tunnelFlags, tunnelPort }: Server): Tunnel | undefined {
  const type = (Object.keys(TUNNEL_NUMBERS) as Tunnel["type"][]).find((name) => TUNNEL_NUMBERS[name] === tunnelType);
  if (type === undefined)
    throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path holds a server with the unknown tunnel ${tunnelType}`);
  if (type === "ipip") return undefined;
  return {
    type,
    ...(tunnelPort === 0 ? {} : { port: tunnelPort }),
    ...(tunnelFlags & TunnelFlag.CHECKSUM ? { checksum: true } : {}),
    ...(tunnelFlags & TunnelFlag.REMOTE_CHECKSUM ? { remoteChecksum: true } : {}),
  };
}

export function methodName(number: number): ForwardingMethod {
  const found = METHOD_NAMES.get(number);
  if (found === undefined)
    throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path holds a server with the unknown forwarding method ${number}`);
  return found;
}

export function addressOf(bytes: Uint8Array, family: number): Address {
  return addressFromBytes(family === Family.IPV4 ? bytes.slice(0, 4) : bytes);
}

export function familyNumber(address: Address): number {
  return packetBytes(address).length === 4 ? Family.IPV4 : Family.IPV6;
}
