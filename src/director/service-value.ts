/** A virtual service as the packet path's map `services` holds it. Its scheduler and its servers stand in the plan. */

import { type Address, addressFromBytes } from "../model/address.ts";
import type { ServiceName } from "../model/edit.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ServiceHead } from "../model/plane.ts";
import { clientPrefixLength, type Persistence, type Protocol, type Timeouts } from "../model/service.ts";
import { Family, type Service, ServiceFlag, type ServiceKey } from "../wire/abi.ts";
import { addressOf, familyNumber } from "./server-value.ts";
import { seconds, ticks } from "./timeouts.ts";

/** Where a service's own things are: its number, its plan, its set of timeouts. */
export interface ServicePlaces {
  readonly index: number;
  readonly plan: number;
  readonly timeouts: number;
  /** Its place in the order in which services were made. */
  readonly made: number;
}

export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const satisfies Record<Protocol, number>;

export function protocolName(number: number): Protocol {
  const found = (Object.keys(PROTOCOL_NUMBERS) as Protocol[]).find((name) => PROTOCOL_NUMBERS[name] === number);
  if (found === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", `the packet path holds the unknown protocol ${number}`);
  return found;
}

const NOTHING = new Uint8Array(16);

export function keyOf({ address, port, protocol, mark }: ServiceName): ServiceKey {
  const family = familyNumber(address);
  if (!mark) return { address: address.bytes, port, protocol: PROTOCOL_NUMBERS[protocol], family };
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, mark, true);
  return { address: bytes, port: 0, protocol: 0, family };
}

export function nameOf({ address, port, protocol, family }: ServiceKey): ServiceName {
  if (protocol !== 0) return { address: addressOf(address, family), port, protocol: protocolName(protocol) };
  const mark = new DataView(address.buffer, address.byteOffset).getUint32(0, true);
  return { address: addressOf(NOTHING, family), port: 0, protocol: "tcp", mark };
}

/** For tables of our own. */
export function keyText({ address, port, protocol, family }: ServiceKey): string {
  return `${family} ${protocol} ${port} ${Buffer.from(address).toString("hex")}`;
}

export function serviceValue(head: ServiceHead, places: ServicePlaces, jiffiesPerSecond: number): Service {
  const { persistence } = head;
  return {
    index: places.index,
    plan: places.plan,
    flags:
      (persistence === undefined ? 0 : ServiceFlag.PERSISTENT) |
      (head.onePacket ? ServiceFlag.ONE_PACKET : 0) |
      (head.sloppy ? ServiceFlag.SLOPPY : 0) |
      (head.fullNat === undefined ? 0 : ServiceFlag.FULL_NAT) |
      (head.persistenceEngine === undefined ? 0 : ServiceFlag.ENGINE_SIP),
    mark: head.mark ?? 0,
    clientMask: persistence === undefined ? NOTHING : (persistence.clientMask?.bytes ?? wholeMask(head.address)),
    persistence: persistence === undefined ? 0 : ticks(persistence.timeoutSeconds, jiffiesPerSecond),
    timeouts: places.timeouts,
    source: head.fullNat?.bytes ?? NOTHING,
    made: places.made,
  };
}

/** What a service's head is beside its name and its scheduler. */
export type ServiceRules = Omit<ServiceHead, keyof ServiceName | "scheduler" | "schedulerFlags">;

export function rulesOf(
  { family }: Pick<ServiceKey, "family">,
  value: Service,
  timeouts: Timeouts | undefined,
  jiffiesPerSecond: number,
): ServiceRules {
  const { flags } = value;
  return {
    ...(flags & ServiceFlag.PERSISTENT ? { persistence: persistenceOf(family, value, jiffiesPerSecond) } : {}),
    ...(flags & ServiceFlag.ONE_PACKET ? { onePacket: true } : {}),
    ...(flags & ServiceFlag.ENGINE_SIP ? { persistenceEngine: "sip" } : {}),
    ...(flags & ServiceFlag.SLOPPY ? { sloppy: true } : {}),
    ...(flags & ServiceFlag.FULL_NAT ? { fullNat: addressOf(value.source, family) } : {}),
    ...(timeouts === undefined ? {} : { timeouts }),
  };
}

function persistenceOf(family: number, value: Service, jiffiesPerSecond: number): Persistence {
  const clientMask = addressOf(value.clientMask, family);
  const timeoutSeconds = seconds(value.persistence, jiffiesPerSecond);
  const whole = clientPrefixLength({ timeoutSeconds, clientMask }, clientMask.family) === (family === Family.IPV4 ? 32 : 128);
  return whole ? { timeoutSeconds } : { timeoutSeconds, clientMask };
}

function wholeMask({ family }: Address): Uint8Array {
  return addressFromBytes(new Uint8Array(family === "ipv4" ? 4 : 16).fill(255)).bytes;
}
