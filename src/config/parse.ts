/** Text -> Configuration, or every complaint about it at once. Reading the file is the caller's affair. */

import { EvenkeelError } from "../model/error.ts";
import type { WantedAttachment } from "../model/plane.ts";
import type { RealServer } from "../model/service.ts";
import { type Complaint, formatComplaint, type Path, quote } from "./complaint.ts";
import type { Configuration, ConfiguredService } from "./configuration.ts";
import { readMapping } from "./mapping.ts";
import { type Complain, checkService, checkServicesTwice, checkTwice, type ServerReading, type ServiceReading } from "./rules.ts";
import { FILE_KEYS, interfaceShape, serverShape, serviceShape } from "./schema.ts";
import { readSource, type Source } from "./source.ts";

/** `source` tells later complaints (of what only the running system knows) the place of a path. */
export type ParseResult =
  | { readonly configuration: Configuration; readonly source: Source }
  | { readonly complaints: readonly Complaint[] };

/** A message of more lines than this helps nobody; `complaints` has them all. */
const LINES_MAX = 200;

/** Its message is all complaints, one a line. */
export class ConfigurationError extends EvenkeelError {
  readonly complaints: readonly Complaint[];

  constructor(complaints: readonly Complaint[]) {
    const fileName = complaints[0]?.fileName ?? "";
    const lines = complaints.slice(0, LINES_MAX).map(formatComplaint);
    if (complaints.length > LINES_MAX) lines.push(`${fileName}: and ${complaints.length - LINES_MAX} more complaints`);
    super("BAD_CONFIGURATION", lines.join("\n"), {
      cure: `correct ${fileName}; nothing of it was applied`,
      facts: { fileName, count: complaints.length },
    });
    this.complaints = complaints;
  }
}

/** Never throws for what stands in the file. */
export function parseConfiguration(file: string | Uint8Array, fileName: string): ParseResult {
  const source = readSource(file, fileName);
  const complaints: Complaint[] = [...source.complaints];
  const configuration = source.value === undefined ? undefined : readFile(source, (complaint) => complaints.push(complaint));
  if (complaints.length === 0 && configuration !== undefined) return { configuration, source };
  if (complaints.length === 0) complaints.push(source.complaint([], "the file is empty; it needs at least: services: []"));
  return { complaints: complaints.sort((one, other) => one.line - other.line || one.column - other.column) };
}

/** The same, for callers that can do nothing but tell: throws ConfigurationError. */
export function requireConfiguration(file: string | Uint8Array, fileName: string): { configuration: Configuration; source: Source } {
  const result = parseConfiguration(file, fileName);
  if ("complaints" in result) throw new ConfigurationError(result.complaints);
  return result;
}

function readFile(source: Source, complain: Complain): Configuration | undefined {
  const file = readMapping(source, source.value, [], { what: "a configuration", shape: {}, others: FILE_KEYS }, complain);
  if (file === undefined) return undefined;
  const listed = file.other("interfaces");
  const interfaces = listed === undefined ? undefined : readInterfaces(source, listed, complain);
  const services = readList(source, file.other("services"), ["services"], complain).map((value, i) =>
    readService(source, value, ["services", i], complain),
  );
  const read = services.filter((service) => service !== undefined);
  for (const service of read) checkService(source, service, complain);
  checkServicesTwice(source, read, complain);
  const complete = read.map(completeService);
  // Whatever is not complete was complained of.
  return complete.every((service) => service !== undefined) ? { interfaces, services: complete } : undefined;
}

function readInterfaces(source: Source, value: unknown, complain: Complain): WantedAttachment[] {
  const path: Path = ["interfaces"];
  const list = readList(source, value, path, complain);
  if (Array.isArray(value) && list.length === 0)
    complain(source.complaint(path, "an empty list would listen nowhere; leave the key out to have the interfaces found"));
  const read = list.flatMap((each, i) => {
    const reading = readMapping(source, each, [...path, i], { what: "an interface", shape: interfaceShape }, complain);
    return reading === undefined ? [] : [{ path: [...path, i], ...reading.fields }];
  });
  checkTwice(source, read, complain, ({ name }) => (name === undefined ? undefined : `the interface ${name}`));
  return read.flatMap(({ name, hook }) => (name === undefined || hook === undefined ? [] : [{ interfaceName: name, hook }]));
}

function readService(source: Source, value: unknown, path: Path, complain: Complain): ServiceReading | undefined {
  const reading = readMapping(source, value, path, { what: "a service", shape: serviceShape, others: ["servers"] }, complain);
  if (reading === undefined) return undefined;
  const list = readList(source, reading.other("servers"), [...path, "servers"], complain);
  const given = value as Readonly<Record<string, unknown>>;
  const servers = list.flatMap((each, i): ServerReading[] => {
    const serverPath = [...path, "servers", i];
    const server = readMapping(source, each, serverPath, { what: "a server", shape: serverShape }, complain);
    if (server === undefined) return [];
    // A key that is there but wrong is not a key that was left out.
    const port = server.other("port") === undefined ? reading.fields.port : server.fields.port;
    const method = server.other("method") === undefined ? reading.fields.method : server.fields.method;
    return [{ path: serverPath, fields: server.fields, port, method }];
  });
  if (!Object.hasOwn(given, "method") && list.some((server) => !hasKey(server, "method"))) {
    complain(source.complaint(path, 'the key "method" is missing; it is nat, dr or tun, here or at every server'));
  }
  return { path, fields: reading.fields, servers };
}

function completeService({ fields, servers }: ServiceReading): ConfiguredService | undefined {
  const { name, address, port, protocol, scheduler } = fields;
  if (address === undefined || port === undefined || protocol === undefined || scheduler === undefined) return undefined;
  const complete = servers.map(completeServer);
  return complete.every((server) => server !== undefined) ? { name, address, port, protocol, scheduler, servers: complete } : undefined;
}

function completeServer({ fields: { address, weight }, port, method }: ServerReading): RealServer | undefined {
  if (address === undefined || weight === undefined || port === undefined || method === undefined) return undefined;
  return { address, port, weight, method };
}

function readList(source: Source, value: unknown, path: Path, complain: Complain): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const key = path.at(-1);
  if (value === undefined)
    complain(source.complaint(path.slice(0, -1), `the key "${key}" is missing; it is a list, if need be an empty one: []`));
  else complain(source.complaint(path, `${quote(value)} is not a list`));
  return [];
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}
