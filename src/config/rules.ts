/** What no single value shows: contradictions between keys, and things that stand in the file twice. */

import { type Address, type Family, formatAddress } from "../model/address.ts";
import type { MarkRule } from "../model/plane.ts";
import { type ForwardingMethod, serverName, serviceName, type Timeouts } from "../model/service.ts";
import type { Path } from "./complaint.ts";
import type { Complain, Fields } from "./mapping.ts";
import type { ChecksReading } from "./read-checks.ts";
import type { persistentShape, quorumShape, serverShape, serviceShape, sorryShape, tunnelShape } from "./schema.ts";
import type { Source } from "./source.ts";

/** A server that was read, as far as it is right, with its service's values where it has none. */
export interface SorryReading {
  readonly path: Path;
  readonly fields: Fields<typeof sorryShape>;
  readonly tunnel: Fields<typeof tunnelShape> | undefined;
  readonly port: number | undefined;
  readonly method: ForwardingMethod | undefined;
}

export interface ServerReading extends SorryReading {
  readonly fields: Fields<typeof serverShape>;
  /** Of its own. */
  readonly checks: ChecksReading | undefined;
}

export interface ServiceReading {
  readonly path: Path;
  readonly fields: Fields<typeof serviceShape>;
  /** Whether a key was written, rightly or not. */
  readonly given: (key: string) => boolean;
  /** Of its address, or the one that is said of a mark. */
  readonly family: Family | undefined;
  /** 0: every port; with a mark, too. */
  readonly port: number | undefined;
  readonly persistent: Fields<typeof persistentShape> | undefined;
  readonly timeouts: Timeouts | undefined;
  readonly quorum: Fields<typeof quorumShape> | undefined;
  readonly checks: ChecksReading | undefined;
  readonly sorry: SorryReading | undefined;
  readonly servers: readonly ServerReading[];
}

const SCHEDULERS_WITH_FLAGS: readonly string[] = ["sh", "mh"];

export const FAMILY_NAMES = { ipv4: "IPv4", ipv6: "IPv6" } as const;

export function checkService(source: Source, service: ServiceReading, complain: Complain): void {
  checkIdentity(source, service, complain);
  checkKinds(source, service, complain);
  checkPersistent(source, service, complain);
  for (const server of service.servers) checkThresholds(source, server, complain);
  const all = [...service.servers, ...(service.sorry === undefined ? [] : [service.sorry])];
  for (const server of all) {
    checkPortMapping(source, service, server, complain);
    checkFamily(source, service, server, complain);
    checkTunnel(source, server, complain);
  }
  checkTwice(source, all, complain, (server) => {
    const { address } = server.fields;
    return address === undefined || server.port === undefined ? undefined : `the server ${serverName({ address, port: server.port })}`;
  });
}

export function checkServicesTwice(source: Source, services: readonly ServiceReading[], complain: Complain): void {
  checkTwice(source, services, complain, ({ fields: { address, protocol, mark }, family = "ipv4", port, given }) => {
    if (given("mark")) return mark === undefined ? undefined : `the service mark ${mark} ${family}`;
    if (address === undefined || port === undefined || protocol === undefined) return undefined;
    return `the service ${serviceName({ address, port, protocol })}`;
  });
  checkTwice(source, services, complain, ({ fields: { name } }) => (name === undefined ? undefined : `the service name "${name}"`));
}

/** A service by a mark that no packet gets. */
export function checkMark(
  source: Source,
  { path, fields: { mark } }: ServiceReading,
  rules: readonly MarkRule[],
  complain: Complain,
): void {
  // Mark 0 is what a rule is left with whose mark was wrong; it may have meant this one.
  if (mark === undefined || rules.some((rule) => rule.mark === mark || rule.mark === 0)) return;
  const given = [...new Set(rules.map((rule) => rule.mark))];
  const others = given.length === 0 ? "there are no mark rules" : `the rules give ${given.join(", ")}`;
  const text = `no mark rule gives the mark ${mark} (${others}); add one under marks, or write settings: { marks_from_outside: true }`;
  complain(source.complaint([...path, "mark"], text));
}

/** Complains of everything that has the name of something before it. */
export function checkTwice<Thing extends { readonly path: Path }>(
  source: Source,
  things: readonly Thing[],
  complain: Complain,
  nameOf: (thing: Thing) => string | undefined,
): void {
  const seen = new Map<string, Path>();
  for (const thing of things) {
    const name = nameOf(thing);
    if (name === undefined) continue;
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, thing.path);
      continue;
    }
    const { line, column } = source.place(first);
    complain(source.complaint(thing.path, `${name} stands here twice, first at ${line}:${column}`));
  }
}

/** By address, port and protocol, or by a mark: never by both. */
function checkIdentity(source: Source, { path, given, port }: ServiceReading, complain: Complain): void {
  if (given("mark")) {
    for (const key of ["address", "port", "protocol"]) {
      if (given(key))
        complain(
          source.complaint([...path, key], `a service by mark takes what carries the mark, whatever its ${key}; leave it out`, "key"),
        );
    }
    return;
  }
  if (given("family"))
    complain(source.complaint([...path, "family"], "a service by address has the family of its address; family is for one by mark", "key"));
  if (port === 0 && !given("persistent")) {
    const text = "0 (every port) needs persistent: a client's connections to different ports have to reach one server";
    complain(source.complaint([...path, "port"], text));
  }
}

/** What only some services can be. */
function checkKinds(source: Source, { path, fields, given, family }: ServiceReading, complain: Complain): void {
  const { scheduler, scheduler_flags = [], one_packet, protocol, full_nat } = fields;
  if (scheduler_flags.length > 0 && scheduler !== undefined && !SCHEDULERS_WITH_FLAGS.includes(scheduler))
    complain(source.complaint([...path, "scheduler_flags"], `${scheduler} has no flags; only sh and mh have`));
  if (one_packet && !given("mark") && protocol !== undefined && protocol !== "udp")
    complain(source.complaint([...path, "one_packet"], `only udp can be scheduled packet by packet, not ${protocol}`));
  if (full_nat !== undefined && one_packet)
    complain(source.complaint([...path, "full_nat"], "one_packet keeps no connections, by which answers would be found"));
  if (full_nat !== undefined && family !== undefined && full_nat.family !== family)
    complain(source.complaint([...path, "full_nat"], `${describeFamily(full_nat)}, but the service is ${FAMILY_NAMES[family]}`));
}

function checkPersistent(source: Source, { path, persistent, family }: ServiceReading, complain: Complain): void {
  const { netmask, prefix_length } = persistent ?? {};
  const at = (key: string) => [...path, "persistent", key];
  if (netmask !== undefined && prefix_length !== undefined)
    complain(source.complaint(at("prefix_length"), "netmask and prefix_length say the same; leave one of them out"));
  if (netmask !== undefined && family !== undefined && netmask.family !== family)
    complain(source.complaint(at("netmask"), `${describeFamily(netmask)}, but the service is ${FAMILY_NAMES[family]}`));
  if (prefix_length !== undefined && family === "ipv4" && prefix_length > 32)
    complain(source.complaint(at("prefix_length"), `${prefix_length} is above 32, the greatest prefix length of IPv4`));
}

function checkThresholds(source: Source, { path, fields }: ServerReading, complain: Complain): void {
  const { upper_threshold: upper, lower_threshold: lower } = fields;
  if (upper === undefined || lower === undefined || lower <= upper) return;
  const text = upper === 0 ? "a lower_threshold needs an upper_threshold" : `${lower} is above the upper_threshold ${upper}`;
  complain(source.complaint([...path, "lower_threshold"], text));
}

function checkTunnel(source: Source, { path, tunnel, method }: SorryReading, complain: Complain): void {
  if (tunnel === undefined) return;
  if (method !== undefined && method !== "tun")
    complain(source.complaint([...path, "tunnel"], `${method} sends nothing through a tunnel; only tun does`, "key"));
  const { type, port, checksum } = tunnel;
  if (type !== undefined && type !== "gue" && port !== undefined)
    complain(source.complaint([...path, "tunnel", "port"], `${type} has no ports; only gue has`, "key"));
  if (type === "ipip" && checksum)
    complain(source.complaint([...path, "tunnel", "checksum"], "ipip has no checksum; gre and gue have", "key"));
}

function checkPortMapping(source: Source, service: ServiceReading, server: SorryReading, complain: Complain): void {
  const wanted = service.port;
  const { port } = server.fields;
  if (wanted === undefined || port === undefined || port === wanted || server.method === undefined) return;
  if (server.method !== "nat") {
    const text = `${port} differs from the service's port ${wanted}, and ${server.method} cannot map ports: the reply does not pass the director; leave the port out, or use nat`;
    complain(source.complaint([...server.path, "port"], text));
  } else if (wanted === 0 && !service.given("mark")) {
    complain(source.complaint([...server.path, "port"], "a service for every port leaves each packet its own; leave the port out"));
  }
}

function checkFamily(source: Source, service: ServiceReading, server: SorryReading, complain: Complain): void {
  const { family } = service;
  const { address } = server.fields;
  if (family === undefined || address === undefined || address.family === family) return;
  if (server.method === undefined || server.method === "tun") return;
  const text = `${describeFamily(address)}, but the service is ${FAMILY_NAMES[family]}, and ${server.method} cannot go from one to the other; only tun can`;
  complain(source.complaint([...server.path, "address"], text));
}

function describeFamily(address: Address): string {
  return `${formatAddress(address)} is ${FAMILY_NAMES[address.family]}`;
}
