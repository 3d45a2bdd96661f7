/** A service of the packet path -> what evenkeel.yaml says of it, without what it need not say. */

import { formatAddress } from "../model/address.ts";
import {
  describeTunnel,
  KEPT_SCHEDULER_FLAGS,
  type RealServer,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
  type VirtualService,
  WEIGHT_MAX,
} from "../model/service.ts";
import { lengthOfMask } from "./fields.ts";

type Yaml = Record<string, unknown>;

/** The schedulers that flags mean something to. */
const WITH_FLAGS: readonly string[] = ["sh", "mh"];

const TEXT = {
  flags: (flags: readonly SchedulerFlag[], scheduler: string) => `${flags.join(", ")} of ${scheduler} has no effect, and no key`,
  engine: "clients are known by their addresses, not by SIP's Call-ID",
  weight: `${WEIGHT_MAX}, the greatest weight`,
  tunnel: "the offer to complete checksums is not made",
};

/** What the value cannot say of it. */
export function unsaidOfService({ scheduler, schedulerFlags = [], persistenceEngine }: VirtualService): string[] {
  const said = flagsOf({ scheduler, schedulerFlags });
  const unsaid = KEPT_SCHEDULER_FLAGS.filter((flag) => schedulerFlags.includes(flag) && !said.includes(flag));
  return [...(unsaid.length === 0 ? [] : [TEXT.flags(unsaid, scheduler)]), ...(persistenceEngine === undefined ? [] : [TEXT.engine])];
}

export function unsaidOfServer({ weight, tunnel }: RealServer): string[] {
  return [...(weight > WEIGHT_MAX ? [TEXT.weight] : []), ...(tunnel?.remoteChecksum ? [TEXT.tunnel] : [])];
}

export function serviceValue(service: VirtualService): Yaml {
  const { address, port, protocol, mark, scheduler, onePacket, sloppy, fullNat, timeouts, servers } = service;
  const persistent = persistentValue(service);
  const flags = flagsOf(service);
  const [first] = servers;
  // The most frequent method would do as well; the first is the easier to see.
  const method = first?.method ?? "nat";
  return {
    ...(mark
      ? { mark, ...(address.family === "ipv6" ? { family: "ipv6" } : {}) }
      : { address: formatAddress(address), port, ...(protocol === "tcp" ? {} : { protocol }) }),
    scheduler,
    ...(flags.length === 0 ? {} : { scheduler_flags: flags }),
    method,
    ...(persistent === undefined ? {} : { persistent }),
    ...(onePacket ? { one_packet: true } : {}),
    ...(sloppy ? { sloppy: true } : {}),
    ...(fullNat === undefined ? {} : { full_nat: formatAddress(fullNat) }),
    ...(timeouts === undefined ? {} : { timeouts: timeoutsValue(timeouts) }),
    servers: servers.map((server) => serverValue(server, service, method)),
  };
}

export function timeoutsValue({ tcp, tcpFin, udp }: NonNullable<VirtualService["timeouts"]>): Yaml {
  return {
    ...(tcp === undefined ? {} : { tcp }),
    ...(tcpFin === undefined ? {} : { tcp_fin: tcpFin }),
    ...(udp === undefined ? {} : { udp }),
  };
}

function serverValue(server: RealServer, service: VirtualService, usual: RealServer["method"]): Yaml {
  const { address, port, weight, method, tunnel, upperThreshold = 0, lowerThreshold = 0 } = server;
  return {
    address: formatAddress(address),
    ...(port === service.port ? {} : { port }),
    ...(weight === 1 ? {} : { weight: Math.min(weight, WEIGHT_MAX) }),
    ...(method === usual ? {} : { method }),
    ...(tunnel === undefined || describeTunnel(tunnel) === "ipip" ? {} : { tunnel: tunnelValue(tunnel) }),
    ...(upperThreshold === 0 ? {} : { upper_threshold: upperThreshold }),
    ...(lowerThreshold === 0 ? {} : { lower_threshold: lowerThreshold }),
  };
}

function tunnelValue({ type, port, checksum }: NonNullable<RealServer["tunnel"]>): Yaml {
  return { type, ...(port === undefined ? {} : { port }), ...(checksum ? { checksum } : {}) };
}

function persistentValue({ persistence }: VirtualService): unknown {
  if (persistence === undefined) return undefined;
  const { timeoutSeconds: timeout, clientMask } = persistence;
  if (clientMask === undefined) return timeout;
  if (clientMask.family === "ipv4") return { timeout, netmask: formatAddress(clientMask) };
  return { timeout, prefix_length: lengthOfMask(clientMask) ?? 128 };
}

function flagsOf({ scheduler, schedulerFlags = [] }: Pick<VirtualService, "scheduler" | "schedulerFlags">): readonly string[] {
  return WITH_FLAGS.includes(scheduler) ? SCHEDULER_FLAGS.filter((flag) => schedulerFlags.includes(flag)) : [];
}
