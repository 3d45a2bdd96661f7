/** VRRP instances, as the file says them, and what cannot be among them. */

import { formatAddress } from "../model/address.ts";
import type { Path } from "./complaint.ts";
import type { ConfiguredInstance, ConfiguredService, TrackRule } from "./configuration.ts";
import { formatDuration } from "./fields.ts";
import { readItems, readList } from "./list.ts";
import { type Complain, type Fields, type MappingReading, readMapping } from "./mapping.ts";
import { checkTwice } from "./rules.ts";
import {
  ADVERT_INTERVAL_MAX_MS,
  authenticationShape,
  INSTANCE_PARTS,
  instanceAddress,
  instancePeer,
  instanceShape,
  trackShape,
} from "./schema-instances.ts";
import type { Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

interface InstanceReading {
  readonly path: Path;
  readonly instance: ConfiguredInstance;
}

/** What of keepalived has no place here, and what to write instead. */
const HINTS: Readonly<Record<string, string>> = {
  state:
    "no instance is told what to begin as: the greatest priority becomes master; leave state out, and write priority: 150 for the master",
  nopreempt: "write preempt: false",
};

export function readInstances(
  source: Source,
  value: unknown,
  services: readonly Pick<ConfiguredService, "name">[],
  complain: Complain,
): ConfiguredInstance[] {
  const names = services.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const readings = readList(source, value, ["instances"], complain).flatMap((each, i): InstanceReading[] => {
    const path = ["instances", i];
    const rule = { what: "an instance", shape: instanceShape, others: INSTANCE_PARTS, hint: hintFor };
    const reading = readMapping(source, each, path, rule, complain);
    const instance = reading === undefined ? undefined : readInstance(source, reading, path, names, complain);
    return instance === undefined ? [] : [{ path, instance }];
  });
  checkTwice(source, readings, complain, ({ instance }) => `the instance ${instance.name}`);
  checkTwice(source, readings, complain, ({ instance: { vrid, interfaceName, addresses } }) =>
    addresses[0] === undefined ? undefined : `vrid ${vrid} of ${interfaceName} and ${addresses[0].address.family}`,
  );
  return readings.map(({ instance }) => instance);
}

function hintFor(key: string): string | undefined {
  return Object.hasOwn(HINTS, key) ? HINTS[key] : undefined;
}

function readInstance(
  source: Source,
  { fields, other }: MappingReading<typeof instanceShape>,
  path: Path,
  services: readonly string[],
  complain: Complain,
): ConfiguredInstance | undefined {
  const { name, interface: interfaceName, vrid, priority, version, advert_interval: advertIntervalMs, preempt = true } = fields;
  checkInterval(source, path, fields, complain);
  const at = (key: string) => [...path, key];
  const read = <Value>(key: string, reader: (value: unknown) => Value): Value | undefined =>
    other(key) === undefined ? undefined : reader(other(key));
  const authentication = read("authentication", (value) => readAuthentication(source, value, at("authentication"), version, complain));
  const addresses = readItems(source, other("addresses"), at("addresses"), instanceAddress, complain);
  const peers = read("peers", (value) => readItems(source, value, at("peers"), instancePeer, complain)) ?? [];
  const track = read("track", (value) => readTrack(source, value, at("track"), services, complain)) ?? [];
  checkAddresses(source, path, { addresses, peers }, complain);
  if (name === undefined || interfaceName === undefined || vrid === undefined || priority === undefined) return undefined;
  if (version === undefined || advertIntervalMs === undefined) return undefined;
  return {
    name,
    interfaceName,
    vrid,
    priority,
    version,
    advertIntervalMs,
    preempt,
    preemptDelayMs: fields.preempt_delay ?? 0,
    ...(authentication === undefined ? {} : { authentication }),
    addresses,
    peers,
    track,
  };
}

function checkInterval(source: Source, path: Path, fields: Fields<typeof instanceShape>, complain: Complain): void {
  const { version, advert_interval: interval } = fields;
  if (version === undefined || interval === undefined) return;
  const said = formatDuration(interval);
  const text =
    version === 2 && interval % 1000 !== 0
      ? `${said} is not whole seconds, and VRRP 2 counts those; write whole seconds, or version: 3`
      : version === 3 && interval > ADVERT_INTERVAL_MAX_MS
        ? `${said} is above 40.95s, the greatest advert_interval of VRRP 3`
        : version === 3 && interval % 10 !== 0
          ? `${said} is not whole hundredths of a second, and VRRP 3 counts those`
          : undefined;
  if (text !== undefined) complain(source.complaint([...path, "advert_interval"], text));
}

function readAuthentication(
  source: Source,
  value: unknown,
  path: Path,
  version: 2 | 3 | undefined,
  complain: Complain,
): ConfiguredInstance["authentication"] {
  const reading = readMapping(source, value, path, { what: "an authentication", shape: authenticationShape }, complain);
  const { type, password } = reading?.fields ?? {};
  if (version === 3) complain(source.complaint(path, "VRRP 3 has no authentication (RFC 9568); leave it out, or write version: 2", "key"));
  return type === undefined || password === undefined ? undefined : { type, password };
}

function readTrack(source: Source, value: unknown, path: Path, services: readonly string[], complain: Complain): TrackRule[] {
  return readList(source, value, path, complain).flatMap((each, i): TrackRule[] => {
    const reading = readMapping(source, each, [...path, i], { what: "a track rule", shape: trackShape }, complain);
    if (reading === undefined) return [];
    const { interface: interfaceName, service, weight } = reading.fields;
    const isBoth = reading.other("interface") !== undefined && reading.other("service") !== undefined;
    const isNone = reading.other("interface") === undefined && reading.other("service") === undefined;
    if (isBoth || isNone) complain(source.complaint([...path, i], "a track rule has one of the keys interface and service"));
    if (service !== undefined && !services.includes(service)) {
      const text = `there is no service with the name "${service}"${didYouMean(service, services)}`;
      complain(source.complaint([...path, i, "service"], text));
    }
    const weighed = weight === undefined ? {} : { weight };
    if (interfaceName !== undefined) return [{ interfaceName, ...weighed }];
    return service === undefined ? [] : [{ service, ...weighed }];
  });
}

function checkAddresses(
  source: Source,
  path: Path,
  { addresses, peers }: Pick<ConfiguredInstance, "addresses" | "peers">,
  complain: Complain,
): void {
  const [first] = addresses;
  if (first === undefined) return;
  const named = addresses.map(({ address }, i) => ({ path: [...path, "addresses", i], address }));
  const told = peers.map((address, i) => ({ path: [...path, "peers", i], address }));
  for (const { path: at, address } of [...named, ...told]) {
    if (address.family === first.address.family) continue;
    const text = `${formatAddress(address)} is not of the family of ${formatAddress(first.address)}; an instance has one, so write two`;
    complain(source.complaint(at, text));
  }
  checkTwice(source, named, complain, ({ address }) => formatAddress(address));
  checkTwice(source, told, complain, ({ address }) => formatAddress(address));
}
