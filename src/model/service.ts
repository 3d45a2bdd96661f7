/** The nouns of layer 4: a virtual service, the real servers behind it, and how it chooses and forwards. */

import { type Address, formatEndpoint } from "./address.ts";

export const FORWARDING_METHODS = ["nat", "dr", "tun"] as const;
export type ForwardingMethod = (typeof FORWARDING_METHODS)[number];

export const SCHEDULERS = ["rr", "wrr"] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

export const PROTOCOLS = ["tcp", "udp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Weights as in IPVS; 0 = quiesced: no new connections, the present ones live on. */
export const WEIGHT_MAX = 65535;

export interface RealServer {
  readonly address: Address;
  /** With DR and TUN the service's own port: nobody could map the reply back. */
  readonly port: number;
  readonly weight: number;
  readonly method: ForwardingMethod;
}

export interface VirtualService {
  readonly address: Address;
  readonly port: number;
  readonly protocol: Protocol;
  readonly scheduler: SchedulerName;
  /** In the order in which they were added; schedulers walk newest first. */
  readonly servers: readonly RealServer[];
}

/** "tcp 192.0.2.1:80": what two services may not have in common. */
export function serviceName(service: Pick<VirtualService, "address" | "port" | "protocol">): string {
  return `${service.protocol} ${formatEndpoint(service.address, service.port)}`;
}

/** "10.0.0.11:80": what two servers of one service may not have in common. */
export function serverName(server: Pick<RealServer, "address" | "port">): string {
  return formatEndpoint(server.address, server.port);
}

/** One line for people: "10.0.0.11:80 nat weight 1". */
export function describeServer(server: RealServer): string {
  return `${serverName(server)} ${server.method} weight ${server.weight}`;
}
