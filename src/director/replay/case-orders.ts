/** The administrator's orders of a case, carried out on a data plane, and refused as IPVS refuses them. */

import { type Address, type Family, parseAddress, sameAddress } from "../../model/address.ts";
import type { DataPlane, ServiceHead } from "../../model/plane.ts";
import { type RealServer, SCHEDULERS, type SchedulerName, serviceName, type VirtualService } from "../../model/service.ts";
import { headOf } from "../../reconcile/diff.ts";
import type { DestinationFacts } from "../../scheduler/ipvs-model/destination.ts";
import { type Refusal, refusalOf, rulesFit } from "../../scheduler/ipvs-model/ipvs-model.ts";
import type { ServiceKey, ServiceRules } from "../../scheduler/ipvs-model/service.ts";
import type { Order } from "../../scheduler/recording/ipvsadm.ts";
import { BadRecording } from "../../scheduler/recording/recorded.ts";

const UNSPECIFIED = { ipv4: parseAddress("0.0.0.0"), ipv6: parseAddress("::") } as const satisfies Record<Family, Address>;

/** IPVS has one switch for all services of a protocol. */
export interface Sloppy {
  readonly tcp: boolean;
  readonly sctp: boolean;
}

export function withSloppy(head: ServiceHead, sloppy: Sloppy): ServiceHead {
  const { sloppy: _, ...rest } = head;
  return head.protocol !== "udp" && sloppy[head.protocol] ? { ...rest, sloppy: true } : rest;
}

type EndpointOf = Pick<DestinationFacts, "address" | "port">;

type ServiceOrder = Exclude<Order, { kind: "timeouts" | "nothing" }>;

export function perform(plane: DataPlane, order: ServiceOrder, sloppy: Sloppy): Refusal | undefined {
  if (order.kind === "clear") {
    for (const service of plane.read().services) plane.apply({ kind: "delete-service", service: headOf(service) });
    return undefined;
  }
  const present = find(plane, order.key);
  if (order.kind === "add-service") {
    if (present !== undefined) return "EEXIST";
    if (!rulesFit(order.key, order.rules)) return "EINVAL";
    plane.apply({ kind: "add-service", service: { ...withSloppy(describe(order.key, order.rules), sloppy), servers: [] } });
    return undefined;
  }
  if (present === undefined) return "ESRCH";
  const head = headOf(present);
  switch (order.kind) {
    case "edit-service":
      if (!rulesFit(order.key, order.rules)) return "EINVAL";
      plane.apply({ kind: "edit-service", before: head, after: withSloppy(describe(order.key, order.rules), sloppy) });
      return undefined;
    case "delete-service":
      plane.apply({ kind: "delete-service", service: head });
      return undefined;
    case "delete-server": {
      const server = findServer(present, order.server);
      if (server === undefined) return "ENOENT";
      plane.apply({ kind: "delete-server", service: head, server });
      return undefined;
    }
    case "add-server":
    case "edit-server": {
      const refusal = refusalOf(order.key, order.facts);
      if (refusal !== undefined) return refusal;
      const before = findServer(present, order.facts);
      if (order.kind === "add-server") {
        if (before !== undefined) return "EEXIST";
        plane.apply({ kind: "add-server", service: head, server: order.facts });
        return undefined;
      }
      if (before === undefined) return "ENOENT";
      plane.apply({ kind: "edit-server", service: head, before, after: order.facts });
      return undefined;
    }
  }
}

function find(plane: DataPlane, key: ServiceKey): VirtualService | undefined {
  const name = serviceName(identityOf(key));
  return plane.read().services.find((service) => serviceName(service) === name);
}

function findServer({ servers }: VirtualService, { address, port }: EndpointOf): RealServer | undefined {
  return servers.find((server) => server.port === port && sameAddress(server.address, address));
}

function identityOf(key: ServiceKey): Pick<ServiceHead, "address" | "port" | "protocol" | "mark"> {
  if (key.kind === "mark") return { address: UNSPECIFIED[key.family], port: 0, protocol: "tcp", mark: key.mark };
  const { address, port, protocol } = key;
  return { address, port, protocol };
}

function describe(key: ServiceKey, rules: ServiceRules): ServiceHead {
  const { fallback, usePort, persistence, onePacket } = rules;
  const identity = identityOf(key);
  const scheduler = SCHEDULERS.find((name): name is SchedulerName => name === rules.schedulerName);
  if (scheduler === undefined) throw new BadRecording(`the program in the kernel has no scheduler "${rules.schedulerName}"`);
  return {
    ...identity,
    scheduler,
    ...(fallback || usePort ? { schedulerFlags: [...(fallback ? ["fallback" as const] : []), ...(usePort ? ["port" as const] : [])] } : {}),
    ...(persistence === undefined
      ? {}
      : {
          persistence: { timeoutSeconds: persistence.timeoutSeconds, clientMask: mask(identity.address.family, persistence.prefixLength) },
        }),
    ...(onePacket ? { onePacket } : {}),
  };
}

function mask(family: Family, prefixLength: number): Address {
  return { family, bytes: Uint8Array.from({ length: 16 }, (_, i) => (0xff00 >> Math.min(Math.max(prefixLength - 8 * i, 0), 8)) & 0xff) };
}
