/** Counters and rates, written into the packet path's maps where no packet and no clock of a test brings them about. */

import type { PacketPath } from "../../src/director/packet-path.ts";
import { serverOf } from "../../src/director/server-value.ts";
import { nameOf } from "../../src/director/service-value.ts";
import { formatEndpoint } from "../../src/model/address.ts";
import type { TrafficCounters } from "../../src/model/plane.ts";
import { serverName } from "../../src/model/service.ts";
import { Family, type Rates } from "../../src/wire/abi.ts";

/** Whose counters: of a service, "TCP 207.1.1.1:80" as it is listed, or of a server in it, "192.168.1.1:80". */
interface Name {
  readonly service: string;
  readonly server?: string;
}

interface Place extends Name {
  readonly kind: "service" | "server";
  readonly index: number;
}

const NOTHING: TrafficCounters = { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };

/** Of a server, and so of its service. */
export function addTraffic(path: PacketPath, name: Required<Name>, more: Partial<TrafficCounters>): void {
  const all = places(path);
  for (const { kind, index } of [placeOf(all, { service: name.service }), placeOf(all, name)]) {
    const map = path.maps[`${kind}_traffic`];
    const counted = { ...(map.lookup(index) ?? NOTHING) };
    for (const [key, amount] of Object.entries(more) as [keyof TrafficCounters, bigint][]) counted[key] += amount;
    map.update(index, counted);
  }
}

/** The rates as they are when all that was counted came in one estimate's two seconds, and that many estimates were made since (bpf/estimate.h). */
export function estimate(path: PacketPath, estimates: number): void {
  for (const { kind, index } of places(path)) {
    const counted = path.maps[`${kind}_traffic`].lookup(index) ?? NOTHING;
    const after = (amount: bigint, shift: bigint): bigint => {
      // The first from nothing towards what came, the others towards nothing: each a quarter of the way.
      let rate = (amount << (shift - 1n)) >> 2n;
      for (let i = 1; i < estimates; i++) rate += -rate >> 2n;
      return rate;
    };
    writeRate(
      path,
      { kind, index },
      {
        connections: after(counted.connections, 10n),
        packetsIn: after(counted.packetsIn, 10n),
        packetsOut: after(counted.packetsOut, 10n),
        bytesIn: after(counted.bytesIn, 5n),
        bytesOut: after(counted.bytesOut, 5n),
      },
    );
  }
}

/** Those that a list of rates shows. */
export function writeRates(path: PacketPath, list: string): void {
  const all = places(path);
  let service = "";
  for (const [, protocol, name = "", numbers = ""] of list.matchAll(/^(?:(TCP|UDP|SCTP|FWM)| {2}->) +(\S+(?: IPv6)?)((?: +\d+){5})$/gm)) {
    if (protocol !== undefined) service = `${protocol} ${name}`;
    const [connections = 0n, packetsIn = 0n, packetsOut = 0n, bytesIn = 0n, bytesOut = 0n] = numbers.trim().split(/ +/).map(BigInt);
    const place = placeOf(all, protocol === undefined ? { service, server: name } : { service });
    writeRate(path, place, {
      connections: connections << 10n,
      packetsIn: packetsIn << 10n,
      packetsOut: packetsOut << 10n,
      bytesIn: bytesIn << 5n,
      bytesOut: bytesOut << 5n,
    });
  }
}

function writeRate(path: PacketPath, { kind, index }: Pick<Place, "kind" | "index">, rates: Omit<Rates, "last">): void {
  path.maps[`${kind}_rates`].update(index, { ...rates, last: path.maps[`${kind}_traffic`].lookup(index) ?? NOTHING });
}

function placeOf(all: readonly Place[], { service, server }: Name): Place {
  const found = all.find((place) => place.service === service && place.server === server);
  if (found === undefined) throw new Error(`the packet path has no ${service}${server === undefined ? "" : `, server ${server}`}`);
  return found;
}

function places(path: PacketPath): Place[] {
  const services = [...path.maps.services.entries()].map(([key, { index }]): Place => {
    const { address, port, protocol, mark } = nameOf(key);
    const sixth = mark !== undefined && address.family === "ipv6" ? " IPv6" : "";
    const service = mark === undefined ? `${protocol.toUpperCase()} ${formatEndpoint(address, port)}` : `FWM ${mark}${sixth}`;
    return { kind: "service", index, service };
  });
  const servers = Array.from({ length: path.servers.length }, (_, number) => number).flatMap((number): Place[] => {
    const entry = path.servers.read(number);
    const service = services.find(({ index }) => index === entry.service)?.service;
    if (entry.family === Family.NONE || entry.flags === 0 || service === undefined) return [];
    return [{ kind: "server", index: number, service, server: serverName(serverOf(entry)) }];
  });
  return [...services, ...servers];
}
