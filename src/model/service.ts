/** The nouns of layer 4: a virtual service, the real servers behind it, and how it chooses and forwards. */

import { type Address, formatEndpoint } from "./address.ts";

export const FORWARDING_METHODS = ["nat", "dr", "tun"] as const;
export type ForwardingMethod = (typeof FORWARDING_METHODS)[number];

/** By the names that IPVS gives them. */
export const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf", "twos"] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The greatest weight that a configuration may give (IPVS itself takes 2^31 - 1); 0 = quiesced: no new connections, the present ones live on. */
export const WEIGHT_MAX = 65535;

export const TUNNEL_TYPES = ["ipip", "gre", "gue"] as const;

/** TUN: what stands between the outer and the inner IP header. */
export interface Tunnel {
  readonly type: (typeof TUNNEL_TYPES)[number];
  /** gue: the UDP port that the real server listens on. */
  readonly port?: number;
  /** gre, gue: with a checksum. */
  readonly checksum?: boolean;
  /** gue: the real server may complete checksums by the tunnel's. Kept and listed as IPVS does; packets go without the option, which is as valid. */
  readonly remoteChecksum?: boolean;
}

/** sh and mh: another server instead of none when the chosen one does not serve; the client's port counts too. */
export const SCHEDULER_FLAGS = ["fallback", "port"] as const;
/** IPVS keeps these two for every scheduler, as flag-1 and flag-2, and flag-3 that none has a use for. */
export const KEPT_SCHEDULER_FLAGS = [...SCHEDULER_FLAGS, "third"] as const;
export type SchedulerFlag = (typeof KEPT_SCHEDULER_FLAGS)[number];

/** A client's connections reach one server for a while; the scheduler is only asked for the first. */
export interface Persistence {
  readonly timeoutSeconds: number;
  /** What of a client's address counts, as a mask in the service's family; 255.255.255.255 or ffff:...:ffff when left out. */
  readonly clientMask?: Address;
}

/** Seconds that a connection lives without a packet: ESTABLISHED, FIN_WAIT, UDP, as `ipvsadm --set`. What is left out stays as it is. */
export interface Timeouts {
  readonly tcp?: number;
  readonly tcpFin?: number;
  readonly udp?: number;
}

export interface RealServer {
  readonly address: Address;
  /** With DR and TUN the service's own port: nobody could map the reply back. */
  readonly port: number;
  readonly weight: number;
  readonly method: ForwardingMethod;
  /** tun only; ipip when left out. */
  readonly tunnel?: Tunnel;
  /** No new connections from that many on (active and inactive), until there are fewer than the lower one. 0 or left out: no limit. */
  readonly upperThreshold?: number;
  /** 0 or left out: three quarters of the upper one. */
  readonly lowerThreshold?: number;
}

export interface VirtualService {
  /** With a mark: the unspecified address of the family. */
  readonly address: Address;
  /** 0: every port; with a mark, too. */
  readonly port: number;
  /** With a mark: every protocol, and this is "tcp", as IPVS shows it. */
  readonly protocol: Protocol;
  /** Firewall mark: the service is for packets that carry it, whatever their address. 0 or left out: none. */
  readonly mark?: number;
  readonly scheduler: SchedulerName;
  readonly schedulerFlags?: readonly SchedulerFlag[];
  readonly persistence?: Persistence;
  /** UDP: every datagram is scheduled anew. */
  readonly onePacket?: boolean;
  /** Kept and listed as IPVS does; templates are by the client's address all the same. */
  readonly persistenceEngine?: "sip";
  /** Any packet may begin a connection, not only a SYN or an INIT. */
  readonly sloppy?: boolean;
  /** NAT rewrites the client's end too, to this address of the director's: for clients in the servers' own network. */
  readonly fullNat?: Address;
  /** For its connections instead of everybody's. */
  readonly timeouts?: Timeouts;
  /** In the order in which they were added; schedulers walk newest first. */
  readonly servers: readonly RealServer[];
}

/** "tcp 192.0.2.1:80" or "mark 1 ipv4": what two services may not have in common. */
export function serviceName(service: Pick<VirtualService, "address" | "port" | "protocol" | "mark">): string {
  if (service.mark) return `mark ${service.mark} ${service.address.family}`;
  return `${service.protocol} ${formatEndpoint(service.address, service.port)}`;
}

/** "10.0.0.11:80": what two servers of one service may not have in common. */
export function serverName(server: Pick<RealServer, "address" | "port">): string {
  return formatEndpoint(server.address, server.port);
}

/** One line for people: "10.0.0.11:80 nat weight 1", "10.0.0.12:80 tun (gre) weight 1 thresholds 100/75". */
export function describeServer(server: RealServer): string {
  const method = server.tunnel === undefined ? server.method : `${server.method} (${describeTunnel(server.tunnel)})`;
  const { upperThreshold = 0, lowerThreshold = 0 } = server;
  const thresholds = upperThreshold === 0 && lowerThreshold === 0 ? "" : ` thresholds ${describeThresholds(server)}`;
  return `${serverName(server)} ${method} weight ${server.weight}${thresholds}`;
}

/** "gue port 6080 checksum". */
export function describeTunnel({ type, port, checksum, remoteChecksum }: Tunnel): string {
  return `${type}${port === undefined ? "" : ` port ${port}`}${checksum ? " checksum" : ""}${remoteChecksum ? " remote checksum" : ""}`;
}

/** "100/75": no newcomers from 100 connections on until there are fewer than 75. */
export function describeThresholds(server: Pick<RealServer, "upperThreshold" | "lowerThreshold">): string {
  const { upper, lower } = thresholdsOf(server);
  return upper === 0 ? "none" : `${upper}/${lower}`;
}

/** With the default of the lower one filled in: upper - floor(upper / 4). Upper 0: no limit. */
export function thresholdsOf({ upperThreshold = 0, lowerThreshold = 0 }: Pick<RealServer, "upperThreshold" | "lowerThreshold">): {
  readonly upper: number;
  readonly lower: number;
} {
  return { upper: upperThreshold, lower: lowerThreshold === 0 ? upperThreshold - Math.floor(upperThreshold / 4) : lowerThreshold };
}

/** Persistence that looks at the whole of a client's address has no mask. */
export function clientPrefixLength({ clientMask }: Persistence, family: Address["family"]): number {
  if (clientMask === undefined) return family === "ipv4" ? 32 : 128;
  return [...clientMask.bytes].reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0);
}
