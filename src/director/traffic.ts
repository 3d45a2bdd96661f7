/** What was counted, as it is shown: less what had been counted at the last reset, and rates in whole numbers a second. */

import { possibleCpus } from "../kernel/possible-cpus.ts";
import type { Rates, TrafficCounters } from "../model/plane.ts";
import { outcomeName, type Rates as RatesEntry, type Traffic } from "../wire/abi.ts";
import type { PacketPath } from "./packet-path.ts";

/** Whose counters: those of servers by their number, or those of services by their index. */
export type TrafficKind = "server" | "service";

const NOTHING: Traffic = { connections: 0n, packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };

/** Looks all of them up; what is given tells of each. */
export function trafficOf(
  path: PacketPath,
  kind: TrafficKind,
  indexes: readonly number[],
): (index: number) => TrafficCounters & { readonly rates: Rates } {
  const traffic = path.maps[`${kind}_traffic`].lookupAll(indexes);
  const zeros = path.maps[`${kind}_zero`].lookupAll(indexes);
  const rates = path.maps[`${kind}_rates`].lookupAll(indexes);
  return (index) => {
    const counted = traffic.get(index) ?? NOTHING;
    const zero = zeros.get(index) ?? NOTHING;
    return {
      connections: counted.connections - zero.connections,
      packetsIn: counted.packetsIn - zero.packetsIn,
      bytesIn: counted.bytesIn - zero.bytesIn,
      packetsOut: counted.packetsOut - zero.packetsOut,
      bytesOut: counted.bytesOut - zero.bytesOut,
      rates: shown(rates.get(index)),
    };
  };
}

export interface Totals {
  readonly traffic: TrafficCounters;
  readonly rates: Rates;
}

/** Of these services together. Their rates are rounded once: many small ones are something. */
export function totalsOf(path: PacketPath, services: readonly number[]): Totals {
  const traffic = services.map(trafficOf(path, "service", services)).reduce<TrafficCounters>(added, NOTHING);
  const estimates = [...path.maps.service_rates.lookupAll(services).values()].reduce<TrafficCounters>(added, NOTHING);
  return { traffic, rates: shown(estimates) };
}

/** What these services have counted on each CPU, resets left aside. */
export function trafficByCpu(path: PacketPath, services: readonly number[]): TrafficCounters[] {
  const cpus = services.map((index) => path.maps.service_traffic.lookupEach(index));
  return Array.from({ length: possibleCpus() }, (_, cpu) => cpus.reduce<TrafficCounters>((sum, each) => added(sum, each[cpu]), NOTHING));
}

function added(sum: TrafficCounters, more: TrafficCounters = NOTHING): TrafficCounters {
  return {
    connections: sum.connections + more.connections,
    packetsIn: sum.packetsIn + more.packetsIn,
    bytesIn: sum.bytesIn + more.bytesIn,
    packetsOut: sum.packetsOut + more.packetsOut,
    bytesOut: sum.bytesOut + more.bytesOut,
  };
}

/** What is shown begins again at 0; the packet path counts on. */
export function resetTraffic(path: PacketPath, kind: TrafficKind, indexes: readonly number[]): void {
  const traffic = path.maps[`${kind}_traffic`].lookupAll(indexes);
  path.maps[`${kind}_zero`].updateAll(traffic);
  path.maps[`${kind}_rates`].updateAll([...traffic].map(([index, last]) => [index, { ...NOTHING, last }]));
}

/** For newcomers: nobody counts there yet. */
export function clearTraffic(path: PacketPath, kind: TrafficKind, indexes: readonly number[]): void {
  for (const map of ["traffic", "zero", "rates"] as const) path.maps[`${kind}_${map}`].clear(indexes);
}

/** How often each outcome was, by its name, since the packet path was made. */
export function outcomesOf(path: PacketPath): Readonly<Record<string, bigint>> {
  return Object.fromEntries(
    [...path.maps.outcomes.entries()].flatMap(([number, count]) => {
      const name = outcomeName[number];
      return name === undefined || name === "NONE" || name === "COUNT" ? [] : [[name, count]];
    }),
  );
}

/** ip_vs_read_estimator(): rounded from the scaled averages. */
function shown(rates: Omit<RatesEntry, "last"> | undefined): Rates {
  const whole = (scaled: bigint) => Number((scaled + 0x1ffn) >> 10n);
  const bytes = (scaled: bigint) => Number((scaled + 0xfn) >> 5n);
  return {
    connections: whole(rates?.connections ?? 0n),
    packetsIn: whole(rates?.packetsIn ?? 0n),
    bytesIn: bytes(rates?.bytesIn ?? 0n),
    packetsOut: whole(rates?.packetsOut ?? 0n),
    bytesOut: bytes(rates?.bytesOut ?? 0n),
  };
}
