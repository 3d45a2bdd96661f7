/** The state of the packet path for programs. Keys are those of the configuration where it has them, in JSON's manner of writing. */

import { type Address, formatAddress } from "../../model/address.ts";
import { describeMark, describePrefix } from "../../model/mark-rule.ts";
import {
  type ActualState,
  type Counters,
  DEFAULT_SETTINGS,
  type MarkRule,
  type Rates,
  type ServerCounters,
  type ServiceCounters,
} from "../../model/plane.ts";
import { clientPrefixLength, serviceName, thresholdsOf, type VirtualService } from "../../model/service.ts";

export function statusJson(state: ActualState, counters: Counters): object {
  const serversOf = Map.groupBy(counters.servers, ({ service }) => serviceName(service));
  return {
    attachments: state.attachments,
    settings: state.settings ?? DEFAULT_SETTINGS,
    marks: counters.marks.map(({ rule, packets }) => ({
      rule: describeMark(rule),
      ...markJson(rule),
      packets: Number(packets),
    })),
    services: counters.services.map((counted) => ({
      ...serviceJson(counted),
      servers: (serversOf.get(serviceName(counted.service)) ?? []).map(serverJson),
    })),
    outcomes: Object.fromEntries(Object.entries(counters.outcomes).map(([name, count]) => [name, Number(count)])),
  };
}

function serviceJson({ service, rates, ...counted }: ServiceCounters): object {
  const { address, port, protocol, mark, persistence, fullNat, ...rest } = service;
  return {
    ...(mark ? { mark, family: address.family } : { address: formatAddress(address), port, protocol }),
    ...rest,
    ...(persistence === undefined ? {} : { persistence: persistenceJson(persistence, address) }),
    ...(fullNat === undefined ? {} : { fullNat: formatAddress(fullNat) }),
    ...traffic(counted, rates),
  };
}

function persistenceJson(persistence: NonNullable<VirtualService["persistence"]>, { family }: Address): object {
  return { timeout: persistence.timeoutSeconds, prefixLength: clientPrefixLength(persistence, family) };
}

function serverJson({
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
    ...traffic(counted, rates),
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

function traffic(counted: Omit<ServiceCounters, "service" | "rates">, rates: Rates): object {
  return {
    connections: Number(counted.connections),
    packetsIn: Number(counted.packetsIn),
    bytesIn: Number(counted.bytesIn),
    packetsOut: Number(counted.packetsOut),
    bytesOut: Number(counted.bytesOut),
    rates,
  };
}
