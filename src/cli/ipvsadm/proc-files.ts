/** The files that the kernel's IPVS has in /proc/net, for programs that read those and not ipvsadm's lists. Numbers are hexadecimal. */

import type { Connection, End } from "../../director/connection-reader.ts";
import type { Totals } from "../../director/traffic.ts";
import { type Address, packetBytes } from "../../model/address.ts";
import type { Rates, ServiceHead, TrafficCounters } from "../../model/plane.ts";
import { clientPrefixLength, type Persistence } from "../../model/service.ts";
import { inChunks } from "../chunks.ts";
import { TITLE } from "./list-services.ts";
import { listedInOrder } from "./order.ts";
import { METHOD_NAME } from "./service-words.ts";
import type { ListedService } from "./view.ts";

export interface ProcServicesOptions {
  /** Persistence is told in the kernel's ticks. */
  readonly jiffiesPerSecond: number;
  readonly salt?: number;
}

/** /proc/net/ip_vs: as IPVS walks. */
export function procServices(services: readonly ListedService[], { jiffiesPerSecond, ...order }: ProcServicesOptions): string {
  const lines = listedInOrder(services, { ...order, unsorted: true }).flatMap(({ service, servers }) => [
    serviceLine(service, jiffiesPerSecond),
    ...servers.map(({ server: { address, port, method, weight }, active, inactive }) => {
      const columns = `${METHOD_NAME[method].padEnd(7)} ${`${weight}`.padEnd(6)} ${`${active}`.padEnd(10)} ${`${inactive}`.padEnd(10)}`;
      return `  -> ${bracketed(address)}:${hex(port, 4)}      ${columns}`;
    }),
  ]);
  const head = [TITLE, "Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn"];
  return [...head, ...lines, ""].join("\n");
}

function serviceLine({ address, port, protocol, mark, scheduler, onePacket, persistence }: ServiceHead, jiffiesPerSecond: number): string {
  const ops = onePacket ? "ops " : "";
  const lasting = persistence === undefined ? "" : persistenceText(persistence, address, jiffiesPerSecond);
  if (mark) return `FWM  ${hex(mark, 8)} ${scheduler} ${ops}${lasting}`;
  const name = `${protocol.toUpperCase()}  ${bracketed(address)}:${hex(port, 4)} ${scheduler} `;
  // The kernel does not say ops of an IPv6 service.
  return name + (address.family === "ipv4" ? `${ops} ` : "") + lasting;
}

/** IPv6: the length of the prefix, its bytes turned round. */
function persistenceText(persistence: Persistence, { family }: Address, jiffiesPerSecond: number): string {
  const length = clientPrefixLength(persistence, family);
  const { clientMask } = persistence;
  const mask = family === "ipv6" ? `${hex(length, 2)}000000` : clientMask === undefined ? "FFFFFFFF" : addressHex(clientMask);
  return `persistent ${persistence.timeoutSeconds * jiffiesPerSecond} ${mask}`;
}

/** /proc/net/ip_vs_stats */
export function procStats({ traffic, rates }: Totals): string {
  return [
    "   Total Incoming Outgoing         Incoming         Outgoing",
    "   Conns  Packets  Packets            Bytes            Bytes",
    counters(traffic),
    "",
    " Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s",
    counters(rates),
    "",
  ].join("\n");
}

/** /proc/net/ip_vs_stats_percpu: each CPU's counters as they stand, and the totals, which begin anew with `ipvsadm -Z`. */
export function procStatsPerCpu(cpus: readonly TrafficCounters[], { traffic, rates }: Totals): string {
  return [
    "       Total Incoming Outgoing         Incoming         Outgoing",
    "CPU    Conns  Packets  Packets            Bytes            Bytes",
    ...cpus.map((counted, cpu) => `${hex(cpu).padStart(3)} ${counters(counted)}`),
    `  ~ ${counters(traffic)}`,
    "",
    "     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s",
    `    ${counters(rates)}`,
    "",
  ].join("\n");
}

function counters({ connections, packetsIn, packetsOut, bytesIn, bytesOut }: TrafficCounters | Rates): string {
  const packets = [connections, packetsIn, packetsOut].map((count) => hex(count).padStart(8));
  return [...packets, ...[bytesIn, bytesOut].map((count) => hex(count).padStart(16))].join(" ");
}

/** /proc/net/ip_vs_conn, in chunks. The last two columns are those of persistence engines, which find nothing here. */
export function procConnections(connections: Iterable<Connection>): Generator<string> {
  const head = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";
  return inChunks(connectionRows(connections, head, (expires) => `${expires}`.padStart(7)));
}

/** /proc/net/ip_vs_conn_sync, in chunks: which ones another director told of. None did so far. */
export function procConnectionsSync(connections: Iterable<Connection>): Generator<string> {
  const head = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n";
  return inChunks(connectionRows(connections, head, (expires) => `${"LOCAL".padEnd(6)} ${`${expires}`.padStart(7)}`));
}

function* connectionRows(connections: Iterable<Connection>, head: string, last: (expiresSeconds: number) => string): Generator<string> {
  yield head;
  for (const { protocol, client, virtual, server, state, expiresMs } of connections) {
    const ends = `${endHex(client)} ${endHex(virtual)} ${endHex(server)}`;
    yield `${protocol.toUpperCase().padEnd(3)} ${ends} ${state.padEnd(11)} ${last(Math.floor(expiresMs / 1000))}\n`;
  }
}

function endHex({ address, port }: End): string {
  return `${addressHex(address)} ${hex(port, 4)}`;
}

function bracketed(address: Address): string {
  return address.family === "ipv4" ? addressHex(address) : `[${addressHex(address)}]`;
}

/** "CF010101", "fd07:0000:0000:0000:0000:0000:0000:0001". */
function addressHex(address: Address): string {
  const text = Buffer.from(packetBytes(address)).toString("hex");
  return address.family === "ipv4" ? text.toUpperCase() : text.replaceAll(/(....)(?=.)/g, "$1:");
}

function hex(number: bigint | number, width = 1): string {
  return number.toString(16).toUpperCase().padStart(width, "0");
}
