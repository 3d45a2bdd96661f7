/** `ipvsadm -L`: services with their servers, in each of its formats. */

import type { Address } from "../../model/address.ts";
import type { Rates, ServerCounters, ServiceHead, TrafficCounters } from "../../model/plane.ts";
import type { RealServer, Tunnel } from "../../model/service.ts";
import type { ListFormat, Names } from "./command.ts";
import { type EndText, endText } from "./end-text.ts";
import { listedInOrder } from "./order.ts";
import { clientMaskText, METHOD_NAME, schedulerFlagNames } from "./service-words.ts";
import type { ListedService } from "./view.ts";

export const TITLE = "IP Virtual Server version 1.2.1 (size=4096)";

export interface ListOptions {
  readonly format: ListFormat;
  readonly names: Names;
  /** One service was asked for by its name: no title. */
  readonly one?: boolean;
  readonly salt?: number;
}

export function listServices(services: readonly ListedService[], { format, names, one = false, salt }: ListOptions): string {
  const layout = layoutOf(format);
  const end = endText(format.numeric ? undefined : names);
  const lines = listedInOrder(services, { unsorted: format.unsorted, ...(salt === undefined ? {} : { salt }) }).flatMap((listed) => [
    layout.service(serviceText(listed.service, end), listed),
    ...listed.servers.map((server) => `  -> ${serverText(server, end).padEnd(NAME_WIDTH)}${layout.server(server)}`),
  ]);
  return [...(one ? [] : [TITLE]), ...layout.head, ...lines, ""].join("\n");
}

const NAME_WIDTH = 28;
const PROTOCOL_WIDTH = 5;
const NAME_AND_PROTOCOL_WIDTH = PROTOCOL_WIDTH + NAME_WIDTH;

interface Layout {
  readonly head: readonly [string, string];
  /** The whole line. */
  service(name: string, listed: ListedService): string;
  /** What follows the name. */
  server(counters: ServerCounters): string;
}

/** Asked for several, ipvsadm prints the first of these. */
function layoutOf(format: ListFormat): Layout {
  if (format.stats) return stats(format.exact);
  if (format.rate) return rate(format.exact);
  if (format.thresholds) return THRESHOLDS;
  if (format.persistentConnections) return PERSISTENT_CONNECTIONS;
  return format.tunnelInfo ? TUNNELS : PLAIN;
}

const PLAIN: Layout = {
  head: ["Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn"],
  service: withFlags,
  server: ({ server, active, inactive }) => columns([METHOD_NAME[server.method], 7], [server.weight, 6], [active, 10], [inactive, 10]),
};

const TUNNELS: Layout = {
  head: ["Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn"],
  service: withFlags,
  server: ({ server, active, inactive }) =>
    columns([METHOD_NAME[server.method], 7], [tunnelText(server), 13], [server.weight, 6], [active, 10], [inactive, 10]),
};

const THRESHOLDS: Layout = {
  head: ["Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ", "  -> RemoteAddress:Port"],
  service: withFlags,
  server: ({ server: { upperThreshold = 0, lowerThreshold = 0 }, active, inactive }) =>
    columns([upperThreshold, 10], [lowerThreshold, 10], [active, 10], [inactive, 10]),
};

const PERSISTENT_CONNECTIONS: Layout = {
  head: ["Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ", "  -> RemoteAddress:Port"],
  service: withFlags,
  server: ({ server, persistent, active, inactive }) => columns([server.weight, 9], [persistent, 11], [active, 10], [inactive, 10]),
};

function columns(...cells: readonly (readonly [value: string | number, width: number])[]): string {
  return cells.map(([value, width]) => ` ${`${value}`.padEnd(width)}`).join("");
}

const STATS_HEAD = ["Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes", "  -> RemoteAddress:Port"] as const;
const RATE_HEAD = ["Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS", "  -> RemoteAddress:Port"] as const;

function stats(exact: boolean): Layout {
  const row = ({ connections, packetsIn, packetsOut, bytesIn, bytesOut }: TrafficCounters) =>
    [connections, packetsIn, packetsOut, bytesIn, bytesOut].map((count) => largeNumber(count, exact)).join("");
  return { head: STATS_HEAD, service: (name, { traffic }) => name.padEnd(NAME_AND_PROTOCOL_WIDTH) + row(traffic), server: row };
}

function rate(exact: boolean): Layout {
  // Of servers, ipvsadm shortens only the bytes.
  const row = ({ connections, packetsIn, packetsOut, bytesIn, bytesOut }: Rates, exactPackets: boolean) =>
    [connections, packetsIn, packetsOut].map((count) => largeNumber(count, exactPackets)).join("") +
    [bytesIn, bytesOut].map((count) => largeNumber(count, exact)).join("");
  return {
    head: RATE_HEAD,
    service: (name, { rates }) => name.padEnd(NAME_AND_PROTOCOL_WIDTH) + row(rates, exact),
    server: ({ rates }) => row(rates, true),
  };
}

/** The unit that ipvsadm changes to from a number on. */
const UNITS = [
  { from: 10n ** 14n, unit: 10n ** 12n, letter: "T" },
  { from: 10n ** 11n, unit: 10n ** 9n, letter: "G" },
  { from: 10n ** 9n, unit: 10n ** 6n, letter: "M" },
  { from: 10n ** 8n, unit: 10n ** 3n, letter: "K" },
] as const;

/**
 * Nine columns: a space and eight digits, or eight digits and a unit; cut off, not rounded. An exact number pushes what follows to the
 * right. All 64 bits count, though ipvsadm reads only 32 of a server's connections, packets and rates.
 */
export function largeNumber(count: bigint | number, exact: boolean): string {
  const scale = exact ? undefined : UNITS.find(({ from }) => count >= from);
  if (scale === undefined) return ` ${`${count}`.padStart(8)}`;
  return `${BigInt(count) / scale.unit}`.padStart(8) + scale.letter;
}

/** "TCP  207.1.1.1:80", "FWM  10 IPv6". */
function serviceText({ address, port, protocol, mark }: ServiceHead, end: EndText): string {
  // A mark of 2^31 and more is negative: ipvsadm prints an int.
  if (mark) return `FWM  ${mark | 0}${address.family === "ipv6" ? " IPv6" : ""}`;
  return protocol.toUpperCase().padEnd(PROTOCOL_WIDTH) + fitting(end(address, port, protocol), address);
}

function serverText({ server: { address, port }, service }: ServerCounters, end: EndText): string {
  return fitting(end(address, port, service.mark ? undefined : service.protocol), address);
}

/** A long name of an IPv4 host is cut where the columns begin, and its port with it; a long one of IPv6 pushes them to the right. */
function fitting(name: string, { family }: Address): string {
  return family === "ipv4" ? name.slice(0, NAME_WIDTH) : name;
}

/** "TCP  207.1.1.1:443 rr persistent 360 mask 255.255.255.0". */
function withFlags(name: string, { service }: ListedService): string {
  const { scheduler, persistence, persistenceEngine, onePacket } = service;
  const flags = schedulerFlagNames(service);
  const mask = clientMaskText(service);
  return [
    name,
    scheduler,
    ...(flags === undefined ? [] : [`(${flags})`]),
    ...(persistence === undefined ? [] : [`persistent ${persistence.timeoutSeconds}`]),
    ...(mask === undefined ? [] : [`mask ${mask}`]),
    // Without persistence it is kept, and saved, but not listed.
    ...(persistence === undefined || persistenceEngine === undefined ? [] : [`pe ${persistenceEngine}`]),
    ...(onePacket ? ["ops"] : []),
  ].join(" ");
}

function tunnelText({ method, tunnel }: RealServer): string {
  if (method !== "tun") return "n/a";
  if (tunnel === undefined || tunnel.type === "ipip") return "ipip";
  return `${tunnel.type}:${tunnel.type === "gue" ? `${tunnel.port ?? 0}:` : ""}${checksumText(tunnel)}`;
}

function checksumText({ checksum, remoteChecksum }: Tunnel): string {
  return remoteChecksum ? "r+c" : checksum ? "+c" : "-c";
}
