/** A service with its servers, as the file says it: read as far as it is right, then made whole. */

import { addressFromBytes, type Family } from "../model/address.ts";
import { prefixByte } from "../model/mark-rule.ts";
import type { Persistence, Tunnel } from "../model/service.ts";
import type { Path } from "./complaint.ts";
import type { ConfiguredServer, ConfiguredService } from "./configuration.ts";
import { hasKey, readList } from "./list.ts";
import { type Complain, type Fields, readMapping } from "./mapping.ts";
import { readTimeouts } from "./read-settings.ts";
import type { ServerReading, ServiceReading } from "./rules.ts";
import { persistentShape, serverShape, serviceShape, tunnelShape } from "./schema.ts";
import type { Source } from "./source.ts";

export function readService(source: Source, value: unknown, path: Path, complain: Complain): ServiceReading | undefined {
  const others = ["persistent", "timeouts", "servers"];
  const reading = readMapping(source, value, path, { what: "a service", shape: serviceShape, others }, complain);
  if (reading === undefined) return undefined;
  const { fields } = reading;
  const given = (key: string) => reading.other(key) !== undefined;
  const marked = given("mark");
  if (!marked && !given("address")) complain(source.complaint(path, 'the key "address" is missing'));
  if (!marked && !given("port")) complain(source.complaint(path, 'the key "port" is missing'));
  // A service by mark has no port of its own.
  const port = marked ? 0 : fields.port;

  const list = readList(source, reading.other("servers"), [...path, "servers"], complain);
  const servers = list.flatMap((each, i) => readServer(source, each, [...path, "servers", i], { port, method: fields.method }, complain));
  if (!hasKey(value, "method") && list.some((server) => !hasKey(server, "method"))) {
    complain(source.complaint(path, 'the key "method" is missing; it is nat, dr or tun, here or at every server'));
  }
  const family = marked ? (fields.family ?? "ipv4") : fields.address?.family;
  return {
    path,
    fields,
    given,
    family,
    port,
    persistent: given("persistent") ? readPersistent(source, reading.other("persistent"), [...path, "persistent"], complain) : undefined,
    timeouts: given("timeouts") ? readTimeouts(source, reading.other("timeouts"), [...path, "timeouts"], complain) : undefined,
    servers,
  };
}

function readPersistent(source: Source, value: unknown, path: Path, complain: Complain): Fields<typeof persistentShape> | undefined {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return readMapping(source, value, path, { what: "a persistence", shape: persistentShape }, complain)?.fields;
  const result = persistentShape.timeout.safeParse(value);
  if (result.success) return { timeout: result.data };
  complain(source.complaint(path, result.error.issues[0]?.message ?? "not allowed"));
  return undefined;
}

function readServer(
  source: Source,
  value: unknown,
  path: Path,
  service: Pick<ServerReading, "port" | "method">,
  complain: Complain,
): ServerReading[] {
  const reading = readMapping(source, value, path, { what: "a server", shape: serverShape, others: ["tunnel"] }, complain);
  if (reading === undefined) return [];
  const { fields } = reading;
  return [
    {
      path,
      fields,
      tunnel:
        reading.other("tunnel") === undefined ? undefined : readTunnel(source, reading.other("tunnel"), [...path, "tunnel"], complain),
      // A key that is there but wrong is not a key that was left out.
      port: reading.other("port") === undefined ? service.port : fields.port,
      method: reading.other("method") === undefined ? service.method : fields.method,
    },
  ];
}

function readTunnel(source: Source, value: unknown, path: Path, complain: Complain): Fields<typeof tunnelShape> | undefined {
  const reading = readMapping(source, value, path, { what: "a tunnel", shape: tunnelShape }, complain);
  if (reading?.fields.type === "gue" && reading.other("port") === undefined)
    complain(source.complaint(path, 'the key "port" is missing; gue is UDP to a port of the server'));
  return reading?.fields;
}

/** undefined when something is missing, which was complained of. */
export function completeService({ fields, family, port, persistent, timeouts, servers }: ServiceReading): ConfiguredService | undefined {
  const { name, protocol, scheduler, scheduler_flags: schedulerFlags = [], mark } = fields;
  const address = mark === undefined ? fields.address : anyAddress(family ?? "ipv4");
  if (address === undefined || port === undefined || protocol === undefined || scheduler === undefined) return undefined;
  const complete = servers.map(completeServer);
  if (!complete.every((server) => server !== undefined)) return undefined;
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
    servers: complete,
    quorum: { quorum: 1, hysteresis: 0 },
    alpha: false,
    omega: false,
    hairpin: false,
  };
}

function completeServer({ fields, tunnel, port, method }: ServerReading): ConfiguredServer | undefined {
  const { address, weight, upper_threshold: upperThreshold = 0, lower_threshold: lowerThreshold = 0 } = fields;
  if (address === undefined || weight === undefined || port === undefined || method === undefined) return undefined;
  return {
    address,
    port,
    weight,
    method,
    ...(method === "tun" && tunnel?.type !== undefined && tunnel.type !== "ipip" ? { tunnel: tunnelOf(tunnel, tunnel.type) } : {}),
    ...(upperThreshold === 0 ? {} : { upperThreshold }),
    ...(lowerThreshold === 0 ? {} : { lowerThreshold }),
    checks: [],
    inhibitOnFailure: false,
    cutTemplates: false,
  };
}

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
