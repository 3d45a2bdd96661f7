/** The state of the packet path for programs. Keys are those of the configuration where it has them, in JSON's manner of writing. */

import { type Address, formatAddress, packetBytes } from "../model/address.ts";
import { describeMark, describePrefix } from "../model/mark-rule.ts";
import {
  type ActualState,
  type Counters,
  DEFAULT_SETTINGS,
  type MarkRule,
  type Rates,
  type ServerCounters,
  type ServiceCounters,
  type TrafficCounters,
} from "../model/plane.ts";
import { clientPrefixLength, type Persistence, serviceName, thresholdsOf } from "../model/service.ts";

export function statusJson(state: ActualState, counters: Counters): object {
  const serversOf = Map.groupBy(counters.servers, ({ service }) => serviceName(service));
  return {
    attachments: state.attachments,
    settings: state.settings ?? DEFAULT_SETTINGS,
    syncDaemons: (state.syncDaemons ?? []).map(({ group, ...daemon }) => ({ ...daemon, group: formatAddress(group), running: false })),
    marks: counters.marks.map(({ rule, packets }) => ({
      rule: describeMark(rule),
      ...markJson(rule),
      packets: countJson(packets),
    })),
    services: counters.services.map((counted) => ({
      ...serviceJson(counted),
      servers: (serversOf.get(serviceName(counted.service)) ?? []).map(serverJson),
    })),
    outcomes: Object.fromEntries(Object.entries(counters.outcomes).map(([name, count]) => [name, countJson(count)])),
  };
}

/** Without its servers. */
export function serviceJson({ service, rates, ...counted }: ServiceCounters): object {
  const { address, port, protocol, mark, persistence, fullNat, ...rest } = service;
  return {
    ...(mark ? { mark, family: address.family } : { address: formatAddress(address), port, protocol }),
    ...rest,
    ...(persistence === undefined ? {} : { persistence: persistenceJson(persistence, address) }),
    ...(fullNat === undefined ? {} : { fullNat: formatAddress(fullNat) }),
    ...trafficJson({ ...counted, rates }),
  };
}

/** A mask that is no prefix stands as it is: 255.0.255.0. */
function persistenceJson(persistence: Persistence, { family }: Address): object {
  const { timeoutSeconds, clientMask } = persistence;
  const isPrefix = clientMask === undefined || !/01/.test(packetBytes(clientMask).reduce((bits, byte) => bits + binary(byte), ""));
  return {
    timeout: timeoutSeconds,
    ...(isPrefix ? { prefixLength: clientPrefixLength(persistence, family) } : { mask: formatAddress(clientMask) }),
  };
}

function binary(byte: number): string {
  return byte.toString(2).padStart(8, "0");
}

export function serverJson({
  server,
  service: _service,
  rates,
  active,
  inactive,
  persistent,
  overloaded,
  local,
  ...counted
}: ServerCounters): object {
  const { upper, lower } = thresholdsOf(server);
  return {
    address: formatAddress(server.address),
    port: server.port,
    method: server.method,
    ...(local ? { local } : {}),
    ...(server.tunnel === undefined ? {} : { tunnel: server.tunnel }),
    weight: server.weight,
    ...(upper === 0 ? {} : { upperThreshold: upper, lowerThreshold: lower, overloaded }),
    active,
    inactive,
    persistent,
    ...trafficJson({ ...counted, rates }),
  };
}

function markJson({ mark, source, destination, interfaceName, ...rest }: MarkRule): object {
  return {
    mark,
    ...rest,
    ...(source === undefined ? {} : { source: describePrefix(source) }),
    ...(destination === undefined ? {} : { destination: describePrefix(destination) }),
    ...(interfaceName === undefined ? {} : { interface: interfaceName }),
  };
}

export type TrafficJson = Readonly<Record<keyof TrafficCounters, number | string>> & { readonly rates: Rates };

export function trafficJson({
  connections,
  packetsIn,
  bytesIn,
  packetsOut,
  bytesOut,
  rates,
}: TrafficCounters & { rates: Rates }): TrafficJson {
  return {
    connections: countJson(connections),
    packetsIn: countJson(packetsIn),
    bytesIn: countJson(bytesIn),
    packetsOut: countJson(packetsOut),
    bytesOut: countJson(bytesOut),
    rates,
  };
}

/** Above 2^53 a text: a number would not be exact. */
function countJson(count: bigint): number | string {
  return count <= Number.MAX_SAFE_INTEGER ? Number(count) : `${count}`;
}
