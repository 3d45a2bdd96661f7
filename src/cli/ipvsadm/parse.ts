/**
 * A line of ipvsadm, from words to a command, as the real one's version 1.31 reads it: what is refused is refused with its words and its
 * exit code, and the first complaint is the same. test/golden/ipvsadm/asked.json holds what it was asked.
 */

import type { Edit, ServiceName } from "../../model/edit.ts";
import type { ServiceHead } from "../../model/plane.ts";
import type { Persistence, RealServer, SchedulerFlag, Tunnel } from "../../model/service.ts";
import { type Command, CommandError, type ListFormat, type Names } from "./command.ts";
import { checkCommandOptions, checkTunnelOptions, hasTunnelOptions } from "./command-options.ts";
import { checkExtensions, type Extensions, hearExtension, noExtensions } from "./extensions.ts";
import { RefusedEdit } from "./messages.ts";
import { type CommandName, type IpvsadmOption, LIST_OPTIONS, OPTIONS, type OptionName, RESTORE_OPTIONS } from "./options.ts";
import { OptionMistake, OptionReader } from "./popt.ts";
import { hear, hearIpv6, nothingSaid, type Said, timeoutOf } from "./said.ts";
import { isScheduler, schedulerFlags } from "./values.ts";

type Reader = OptionReader<IpvsadmOption>;

const DEFAULT_SCHEDULER = "wlc";
const ENGINE = "sip";

const tryHelp = () => new CommandError("Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255);

/** Throws CommandError. `restoring`: the line is one of those that `-R` reads, which cannot be another `-R`. */
export function parseCommand(args: readonly string[], names: Names, restoring = false): Command {
  if (args.length === 0) return { kind: "list-services", format: formatOf(new Set(), false) };
  const reader: Reader = new OptionReader(OPTIONS, args);
  const { name, argument } = readCommand(reader);
  if (name === "help" || name === "version") return { kind: name };
  const role = name === "start-daemon" || name === "stop-daemon" ? roleOf(name, argument ?? "") : "master";
  const said = nothingSaid();
  const extensions = noExtensions();
  readOptions(reader, name, { said, extensions, names });

  const timeouts = name === "set" ? timeoutsOf(reader.leftover.splice(0, 3)) : {};
  const [unexpected] = reader.leftover;
  if (unexpected !== undefined) throw new CommandError(`unexpected argument ${unexpected}`, 2);
  const scheduler = said.scheduler === "" ? DEFAULT_SCHEDULER : said.scheduler;
  const flags = said.given.has("sched-flags") ? schedulerFlags(said.schedulerFlags, scheduler) : [];
  checkCommandOptions(name, said.given);

  const edit = (asked: Edit): Command => ({ kind: "edit", edit: asked });
  const { service } = said;
  switch (name) {
    case "add-service":
    case "edit-service":
      return edit(serviceEdit(name, said, { scheduler, flags }));
    case "delete-service":
      return edit({ kind: name, service: needed(service) });
    case "flush":
      return edit({ kind: "clear" });
    case "add-server":
    case "edit-server":
      return edit({ kind: name, service: needed(service), server: serverOf(said) });
    case "delete-server":
      return edit({ kind: name, service: needed(service), server: needed(said.server) });
    case "set":
      return edit({ kind: "set-timeouts", timeouts });
    case "zero":
      return edit({ kind: "reset-counters", ...(service === undefined ? {} : { service }) });
    case "start-daemon":
      return edit({ kind: name, daemon: daemonOf(role, said) });
    case "stop-daemon":
      return edit({ kind: name, role });
    case "restore":
      if (restoring) throw tryHelp();
      return { kind: name, keepGoing: extensions.keepGoing, replace: extensions.replace };
    case "save":
      return { kind: name, format: formatOf(said.given, false) };
    case "list":
      return listOf(said, extensions);
  }
}

function readCommand(reader: Reader): { readonly name: CommandName | "help" | "version"; readonly argument: string | undefined } {
  try {
    const first = reader.next();
    if (first?.option.kind === "command") return { name: first.option.name, argument: first.argument };
  } catch (error) {
    if (!(error instanceof OptionMistake)) throw error;
  }
  throw tryHelp();
}

interface Gathered {
  readonly said: Said;
  readonly extensions: Extensions;
  readonly names: Names;
}

function readOptions(reader: Reader, command: CommandName, { said, extensions, names }: Gathered): void {
  if (command === "list") reader.table = LIST_OPTIONS;
  if (command === "restore") reader.table = RESTORE_OPTIONS;
  try {
    for (let found = reader.next(); found !== undefined; found = reader.next()) {
      const { option, argument } = found;
      if (option.kind === "command") throw new CommandError(`invalid option \`${reader.lastWord}'`, 2);
      if (option.kind === "ipv6") hearIpv6(said);
      if (option.kind === "extension") hearExtension(extensions, option.name, argument ?? "");
      if (option.kind !== "option") continue;
      // "-o" means something else in ipvsadm, but never in a list.
      if (command === "list" && reader.lastWord === "-o" && reader.nextWord === "json") {
        reader.skip();
        hearExtension(extensions, "output", "json");
      } else hear(said, option, argument, names);
    }
  } catch (error) {
    if (error instanceof OptionMistake) throw new CommandError(`${reader.lastWord}: ${error.message}`, 255, false);
    throw error;
  }
}

function roleOf(command: "start-daemon" | "stop-daemon", text: string): "master" | "backup" {
  if (text === "master" || text === "backup") return text;
  throw new CommandError(`illegal ${command === "start-daemon" ? "start-daemon parameter" : "start_daemon"} specified`, 2);
}

/** 0 leaves a timeout as it is. */
function timeoutsOf(words: readonly string[]): Extract<Edit, { kind: "set-timeouts" }>["timeouts"] {
  if (words.length < 3) throw new CommandError("--set option requires 3 timeout values", 2);
  const [tcp = 0, tcpFin = 0, udp = 0] = words.map((word) => timeoutOf(word, 0));
  return { ...(tcp === 0 ? {} : { tcp }), ...(tcpFin === 0 ? {} : { tcpFin }), ...(udp === 0 ? {} : { udp }) };
}

interface Scheduling {
  readonly scheduler: string;
  readonly flags: readonly SchedulerFlag[];
}

function serviceEdit(kind: "add-service" | "edit-service", said: Said, { scheduler, flags }: Scheduling): Edit {
  const service = needed(said.service);
  const persistence = persistenceOf(said);
  if (service.port === 0 && !service.mark && persistence === undefined) {
    throw new CommandError("Zero port specified for non-persistent service", 2);
  }
  const onePacket = said.given.has("ops");
  if (onePacket && service.protocol !== "udp" && !service.mark) {
    throw new CommandError("One-Packet Scheduling is only for UDP virtual services", 2);
  }
  const head: ServiceHead = {
    ...service,
    scheduler: isScheduler(scheduler) ? scheduler : DEFAULT_SCHEDULER,
    ...(flags.length === 0 ? {} : { schedulerFlags: flags }),
    ...(persistence === undefined ? {} : { persistence }),
    ...(onePacket ? { onePacket } : {}),
    ...(said.persistenceEngine === ENGINE ? { persistenceEngine: ENGINE } : {}),
  };
  const isKnown = isScheduler(scheduler) && (said.persistenceEngine === "" || said.persistenceEngine === ENGINE);
  if (!isKnown) throw new RefusedEdit({ kind, service: head }, "ENOENT");
  return { kind, service: head };
}

function persistenceOf({ given, persistenceSeconds, mask }: Said): Persistence | undefined {
  if (!given.has("persistent")) return undefined;
  const isWhole = mask === undefined || mask.bytes.subarray(0, mask.family === "ipv4" ? 4 : 16).every((byte) => byte === 0xff);
  return { timeoutSeconds: persistenceSeconds, ...(isWhole ? {} : { clientMask: mask }) };
}

function serverOf(said: Said): RealServer {
  const service = needed(said.service);
  const { address, port } = needed(said.server);
  const { method, weight, upperThreshold, lowerThreshold } = said;
  if (address.family !== service.address.family && method !== "tun") {
    throw new CommandError("Different address family is allowed only for tunneling servers", 2);
  }
  const tunnel = tunnelOf(said);
  return {
    address,
    // Only NAT can change the port; a mark's service has none of its own.
    port: method === "nat" || service.mark ? port : service.port,
    method,
    weight,
    ...(tunnel === undefined ? {} : { tunnel }),
    ...(upperThreshold === 0 ? {} : { upperThreshold }),
    ...(lowerThreshold === 0 ? {} : { lowerThreshold }),
  };
}

/** ipip is what a tunnel is when nothing is said. */
function tunnelOf({ method, given, tunnelType, tunnelPort }: Said): Tunnel | undefined {
  if (method !== "tun") {
    if (hasTunnelOptions(given)) throw new CommandError("Tunnel options conflict with forward method", 2);
    return undefined;
  }
  checkTunnelOptions(tunnelType, given);
  if (tunnelType === "ipip") return undefined;
  return {
    type: tunnelType,
    ...(tunnelPort === undefined ? {} : { port: tunnelPort }),
    ...(given.has("tun-csum") ? { checksum: true } : {}),
    ...(given.has("tun-remcsum") ? { remoteChecksum: true } : {}),
  };
}

function daemonOf(role: "master" | "backup", said: Said): Extract<Edit, { kind: "start-daemon" }>["daemon"] {
  const { interfaceName, syncId, maxLength, group, groupPort: port, groupTtl: ttl } = said;
  return { role, interfaceName, syncId, ...(maxLength === undefined ? {} : { maxLength }), group, port, ttl };
}

/** --persistent-conn is one of connections too: the data of a persistence engine. */
const OF_SERVICES: readonly OptionName[] = ["stats", "rate", "thresholds"];
const OF_SERVICES_OR_CONNECTIONS: readonly OptionName[] = [...OF_SERVICES, "persistent-conn"];

function listOf({ given, service }: Said, extensions: Extensions): Command {
  const foreign = given.has("connection") ? OF_SERVICES : given.has("timeout") || given.has("daemon") ? OF_SERVICES_OR_CONNECTIONS : [];
  if (foreign.some((name) => given.has(name))) throw new CommandError("options conflicts in the list command", 2);
  checkExtensions(extensions, given.has("connection"));
  const format = formatOf(given, extensions.json);
  if (given.has("connection")) return { kind: "list-connections", filter: extensions.filter, format };
  if (given.has("timeout")) return { kind: "list-timeouts", format };
  if (given.has("daemon")) return { kind: "list-daemons", format };
  return { kind: "list-services", ...(service === undefined ? {} : { service }), format };
}

function formatOf(given: ReadonlySet<OptionName>, json: boolean): ListFormat {
  return {
    numeric: given.has("numeric"),
    stats: given.has("stats"),
    rate: given.has("rate"),
    exact: given.has("exact"),
    thresholds: given.has("thresholds"),
    persistentConnections: given.has("persistent-conn"),
    tunnelInfo: given.has("tun-info"),
    unsorted: given.has("nosort"),
    json,
  };
}

/** checkCommandOptions() has seen to it. */
function needed<T extends ServiceName | { readonly port: number }>(value: T | undefined): T {
  if (value === undefined) throw new CommandError("an option is missing", 2);
  return value;
}
