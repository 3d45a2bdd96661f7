/** A service with its servers, as the file says it: read as far as it is right, then made whole. */

import { addressFromBytes, type Family } from "../model/address.ts";
import { prefixByte } from "../model/mark-rule.ts";
import type { Persistence, RealServer, Tunnel } from "../model/service.ts";
import type { CheckKinds } from "./check-kinds.ts";
import type { Path } from "./complaint.ts";
import type { ConfiguredCheck, ConfiguredServer, ConfiguredService } from "./configuration.ts";
import { hasKey, readList } from "./list.ts";
import { type Complain, type Fields, type MappingReading, readMapping } from "./mapping.ts";
import { readChecks } from "./read-checks.ts";
import { readTimeouts } from "./read-settings.ts";
import type { ServerReading, ServiceReading, SorryReading } from "./rules.ts";
import { persistentShape, quorumShape, SERVICE_PARTS, serverShape, serviceShape, sorryShape, tunnelShape } from "./schema.ts";
import type { Source } from "./source.ts";

/** What every service of a file is read with. */
export interface ServiceReader {
  readonly source: Source;
  readonly kinds: CheckKinds | undefined;
  readonly complain: Complain;
}

export function readService(reader: ServiceReader, value: unknown, path: Path): ServiceReading | undefined {
  const { source, kinds, complain } = reader;
  const reading = readMapping(source, value, path, { what: "a service", shape: serviceShape, others: SERVICE_PARTS }, complain);
  if (reading === undefined) return undefined;
  const { fields } = reading;
  const given = (key: string) => reading.other(key) !== undefined;
  const read = <Value>(key: string, readPart: (part: unknown, at: Path) => Value): Value | undefined =>
    given(key) ? readPart(reading.other(key), [...path, key]) : undefined;
  const marked = given("mark");
  if (!marked && !given("address")) complain(source.complaint(path, 'the key "address" is missing'));
  if (!marked && !given("port")) complain(source.complaint(path, 'the key "port" is missing'));
  // A service by mark has no port of its own.
  const port = marked ? 0 : fields.port;
  const inherited = { port, method: fields.method };

  const list = readList(source, reading.other("servers"), [...path, "servers"], complain);
  const servers = list.flatMap((each, i) => readServer(reader, each, [...path, "servers", i], inherited));
  const sorry = read("sorry_server", (part, at) => readSorryServer(reader, part, at, inherited));
  const withMethod = [...list, ...(given("sorry_server") ? [reading.other("sorry_server")] : [])];
  if (!hasKey(value, "method") && withMethod.some((server) => !hasKey(server, "method"))) {
    complain(source.complaint(path, 'the key "method" is missing; it is nat, dr or tun, here or at every server'));
  }
  return {
    path,
    fields,
    given,
    family: marked ? (fields.family ?? "ipv4") : fields.address?.family,
    port,
    persistent: read("persistent", (part, at) => readPersistent(source, part, at, complain)),
    timeouts: read("timeouts", (part, at) => readTimeouts(source, part, at, complain)),
    quorum: read("quorum", (part, at) => readQuorum(source, part, at, complain)),
    checks: read("checks", (part, at) => readChecks(source, part, at, kinds, complain)),
    sorry,
    servers,
  };
}

function readQuorum(source: Source, value: unknown, path: Path, complain: Complain): Fields<typeof quorumShape> | undefined {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return readMapping(source, value, path, { what: "a quorum", shape: quorumShape }, complain)?.fields;
  const result = quorumShape.weight.safeParse(value);
  if (result.success) return { weight: result.data };
  complain(source.complaint(path, result.error.issues[0]?.message ?? "not allowed"));
  return undefined;
}

function readPersistent(source: Source, value: unknown, path: Path, complain: Complain): Fields<typeof persistentShape> | undefined {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return readMapping(source, value, path, { what: "a persistence", shape: persistentShape }, complain)?.fields;
  const result = persistentShape.timeout.safeParse(value);
  if (result.success) return { timeout: result.data };
  complain(source.complaint(path, result.error.issues[0]?.message ?? "not allowed"));
  return undefined;
}

type Inherited = Pick<ServerReading, "port" | "method">;

function readServer(reader: ServiceReader, value: unknown, path: Path, inherited: Inherited): ServerReading[] {
  const { source, kinds, complain } = reader;
  const reading = readMapping(source, value, path, { what: "a server", shape: serverShape, others: ["tunnel", "checks"] }, complain);
  if (reading === undefined) return [];
  const listed = reading.other("checks");
  const checks = listed === undefined ? undefined : readChecks(source, listed, [...path, "checks"], kinds, complain);
  return [{ path, fields: reading.fields, checks, ...placeOf(reader, reading, path, inherited) }];
}

function readSorryServer(reader: ServiceReader, value: unknown, path: Path, inherited: Inherited): SorryReading | undefined {
  const { source, complain } = reader;
  const reading = readMapping(source, value, path, { what: "a sorry server", shape: sorryShape, others: ["tunnel"] }, complain);
  return reading === undefined ? undefined : { path, fields: reading.fields, ...placeOf(reader, reading, path, inherited) };
}

/** Where it is and how it is reached. A key that is there but wrong is not a key that was left out. */
function placeOf(
  { source, complain }: ServiceReader,
  { fields, other }: MappingReading<typeof sorryShape>,
  path: Path,
  inherited: Inherited,
): Pick<SorryReading, "port" | "method" | "tunnel"> {
  const tunnel = other("tunnel");
  return {
    tunnel: tunnel === undefined ? undefined : readTunnel(source, tunnel, [...path, "tunnel"], complain),
    port: other("port") === undefined ? inherited.port : fields.port,
    method: other("method") === undefined ? inherited.method : fields.method,
  };
}

function readTunnel(source: Source, value: unknown, path: Path, complain: Complain): Fields<typeof tunnelShape> | undefined {
  const reading = readMapping(source, value, path, { what: "a tunnel", shape: tunnelShape }, complain);
  if (reading?.fields.type === "gue" && reading.other("port") === undefined)
    complain(source.complaint(path, 'the key "port" is missing; gue is UDP to a port of the server'));
  return reading?.fields;
}

/** undefined when something is missing, which was complained of. */
export function completeService(reading: ServiceReading): ConfiguredService | undefined {
  const { fields, family, port, persistent, timeouts, quorum, sorry } = reading;
  const { name, protocol, scheduler, scheduler_flags: schedulerFlags = [], mark } = fields;
  const address = mark === undefined ? fields.address : anyAddress(family ?? "ipv4");
  if (address === undefined || port === undefined || protocol === undefined || scheduler === undefined) return undefined;
  const servers = reading.servers.map((server) => completeServer(reading, server));
  const sorryServer = sorry === undefined ? undefined : plainServer(sorry, 1);
  if (!servers.every((server) => server !== undefined)) return undefined;
  return {
    name,
    address,
    port,
    protocol: mark === undefined ? protocol : "tcp",
    ...(mark === undefined ? {} : { mark }),
    scheduler,
    ...(schedulerFlags.length === 0 ? {} : { schedulerFlags }),
    ...(persistent?.timeout === undefined ? {} : { persistence: persistenceOf(persistent, persistent.timeout, address.family) }),
    ...(fields.one_packet ? { onePacket: true } : {}),
    ...(fields.sloppy ? { sloppy: true } : {}),
    ...(fields.full_nat === undefined ? {} : { fullNat: fields.full_nat }),
    ...(timeouts === undefined ? {} : { timeouts }),
    servers,
    quorum: { quorum: quorum?.weight ?? 1, hysteresis: quorum?.hysteresis ?? 0 },
    ...(quorum?.up === undefined ? {} : { onQuorumUp: quorum.up }),
    ...(quorum?.down === undefined ? {} : { onQuorumDown: quorum.down }),
    ...(sorryServer === undefined ? {} : { sorryServer }),
    alpha: fields.alpha ?? false,
    omega: fields.omega ?? false,
    hairpin: fields.hairpin ?? false,
  };
}

function completeServer(service: ServiceReading, { fields, checks, ...rest }: ServerReading): ConfiguredServer | undefined {
  const { upper_threshold: upperThreshold = 0, lower_threshold: lowerThreshold = 0 } = fields;
  const usual = service.fields;
  const plain = plainServer({ fields, ...rest }, fields.weight ?? usual.weight ?? 1);
  if (plain === undefined) return undefined;
  const drainDeadlineMs = fields.drain_deadline ?? usual.drain_deadline;
  return {
    ...plain,
    ...(upperThreshold === 0 ? {} : { upperThreshold }),
    ...(lowerThreshold === 0 ? {} : { lowerThreshold }),
    checks: checks?.checks ?? service.checks?.checks ?? NO_CHECKS,
    inhibitOnFailure: fields.inhibit_on_failure ?? usual.inhibit_on_failure ?? false,
    cutTemplates: fields.cut_templates ?? usual.cut_templates ?? false,
    ...(drainDeadlineMs === undefined ? {} : { drainDeadlineMs }),
  };
}

function plainServer({ fields: { address }, port, method, tunnel }: SorryReading, weight: number): RealServer | undefined {
  if (address === undefined || port === undefined || method === undefined) return undefined;
  const wrapped = method === "tun" && tunnel?.type !== undefined && tunnel.type !== "ipip" ? { tunnel: tunnelOf(tunnel, tunnel.type) } : {};
  return { address, port, weight, method, ...wrapped };
}

const NO_CHECKS: readonly ConfiguredCheck[] = [];

function tunnelOf({ port, checksum }: Fields<typeof tunnelShape>, type: Tunnel["type"]): Tunnel {
  return { type, ...(port === undefined ? {} : { port }), ...(checksum ? { checksum } : {}) };
}

function persistenceOf({ netmask, prefix_length }: Fields<typeof persistentShape>, timeoutSeconds: number, family: Family): Persistence {
  const bytes = family === "ipv4" ? 4 : 16;
  const clientMask =
    prefix_length === undefined ? netmask : addressFromBytes(Uint8Array.from({ length: bytes }, (_, i) => prefixByte(prefix_length, i)));
  // The whole address is what is meant when nothing is said.
  return clientMask === undefined || clientMask.bytes.subarray(0, bytes).every((byte) => byte === 255)
    ? { timeoutSeconds }
    : { timeoutSeconds, clientMask };
}

function anyAddress(family: Family): ConfiguredService["address"] {
  return addressFromBytes(new Uint8Array(family === "ipv4" ? 4 : 16));
}
