/** Which connections are asked for, and the question made ready to be put to a million of them: compared as they lie, none decoded. */

import type { MappedArray } from "../kernel/mapped-array.ts";
import { type Address, sameAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { connectionCodec, Family, Life, type Server, type ServiceKey, sctpStateName, TemplateState, tcpStateName } from "../wire/abi.ts";
import { addressOf, familyNumber } from "./server-value.ts";
import { PROTOCOL_NUMBERS } from "./service-value.ts";

/** What is left out matches everything. */
export interface ConnectionFilter {
  readonly protocol?: "tcp" | "udp" | "sctp";
  /** As listed; TCP, SCTP and templates share names. */
  readonly state?: string;
  readonly client?: { readonly address: Address; readonly prefixLength?: number; readonly port?: number };
  readonly service?: { readonly address: Address; readonly port?: number } | { readonly mark: number };
  readonly server?: { readonly address: Address; readonly port?: number };
}

/** A slot's words and the same bytes. */
export type CompiledFilter = (entry: Int32Array, bytes: Uint8Array) => boolean;

interface Ground {
  /** By number. */
  readonly services: ReadonlyMap<number, ServiceKey>;
  readonly servers: MappedArray<Server>;
}

const { offsets } = connectionCodec;

/** Every state's name that a listing may show. */
export const CONNECTION_STATES: readonly string[] = [
  ...new Set([...Object.values(tcpStateName), ...Object.values(sctpStateName), ...Object.keys(TemplateState), "UDP"]),
].filter((name) => name !== "COUNT");

export function compileFilter(filter: ConnectionFilter, ground: Ground): CompiledFilter {
  const tests: CompiledFilter[] = [];
  const { protocol, state, client, service, server } = filter;
  if (protocol !== undefined) {
    const number = PROTOCOL_NUMBERS[protocol];
    tests.push((_, bytes) => bytes[offsets.protocol] === number);
  }
  if (state !== undefined) tests.push(stateIs(state.toUpperCase()));
  if (client !== undefined) {
    const { address, prefixLength, port } = client;
    tests.push(addressIn(offsets.client, address, prefixLength));
    if (port !== undefined) tests.push(portIs(offsets.clientPort, port));
  }
  if (service !== undefined) {
    if ("mark" in service) tests.push(serviceIn(ground.services, service.mark));
    else {
      tests.push(addressIn(offsets.virtualAddress, service.address, undefined));
      if (service.port !== undefined) tests.push(portIs(offsets.virtualPort, service.port));
    }
  }
  if (server !== undefined) {
    const numbers = serversAt(ground.servers, server.address);
    tests.push((entry) => numbers[entry[offsets.server / 4] ?? 0] === 1);
    if (server.port !== undefined) tests.push(portIs(offsets.realPort, server.port));
  }
  return (entry, bytes) => {
    for (const test of tests) if (!test(entry, bytes)) return false;
    return true;
  };
}

/** The mark of a service that is known by one. */
export function markOf(key: ServiceKey): number | undefined {
  if (key.port !== 0 || key.protocol !== 0) return undefined;
  return new DataView(key.address.buffer, key.address.byteOffset).getUint32(0, true);
}

function stateIs(name: string): CompiledFilter {
  const numberOf = (names: Readonly<Record<number, string>>) => Object.values(names).indexOf(name);
  const [tcp, sctp] = [numberOf(tcpStateName), numberOf(sctpStateName)];
  const template = name === "ASSURED" ? TemplateState.ASSURED : name === "NONE" ? TemplateState.NONE : -1;
  return (entry, bytes) => {
    const life = entry[offsets.life / 4] ?? 0;
    const state = (life >>> Life.STATE_SHIFT) & 15;
    if ((life & Life.TEMPLATE) !== 0) return state === template;
    const protocol = bytes[offsets.protocol];
    if (protocol === PROTOCOL_NUMBERS.tcp) return state === tcp;
    return protocol === PROTOCOL_NUMBERS.sctp ? state === sctp : name === "UDP";
  };
}

function addressIn(offset: number, address: Address, prefixLength = address.family === "ipv4" ? 32 : 128): CompiledFilter {
  const bits = address.family === "ipv4" ? 32 : 128;
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
    throw new EvenkeelError("BAD_ARGUMENT", `a network cannot have the prefix length ${prefixLength}`, { cure: `give 0 to ${bits}` });
  }
  const family = familyNumber(address);
  const whole = prefixLength >> 3;
  const mask = (0xff00 >> (prefixLength & 7)) & 0xff;
  const last = (address.bytes[whole] ?? 0) & mask;
  return (_, bytes) => {
    if (((bytes[offsets.family] ?? 0) & ~Family.TEMPLATE) !== family) return false;
    for (let i = 0; i < whole; i++) if (bytes[offset + i] !== address.bytes[i]) return false;
    return mask === 0 || ((bytes[offset + whole] ?? 0) & mask) === last;
  };
}

function portIs(offset: number, port: number): CompiledFilter {
  const [high, low] = [port >> 8, port & 0xff];
  return (_, bytes) => bytes[offset] === high && bytes[offset + 1] === low;
}

function serviceIn(services: ReadonlyMap<number, ServiceKey>, mark: number): CompiledFilter {
  const numbers = new Set([...services].filter(([, key]) => markOf(key) === mark).map(([number]) => number));
  return (_, bytes) => numbers.has((bytes[offsets.service] ?? 0) | ((bytes[offsets.service + 1] ?? 0) << 8));
}

/** 1 for each number of a server with this address: one server of several services has several. */
function serversAt(servers: MappedArray<Server>, address: Address): Uint8Array {
  const found = new Uint8Array(servers.length);
  for (let number = 0; number < servers.length; number++) {
    const entry = servers.read(number);
    if (entry.family !== Family.NONE && sameAddress(addressOf(entry.address, entry.family), address)) found[number] = 1;
  }
  return found;
}
