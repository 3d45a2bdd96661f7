/**
 * The ipvsadm commands of a recording, as orders to a director. Only what sways a choice is read; an option that is not
 * known here makes the recording a bad one, because passing over it could pass over a difference.
 */

import { type Address, parseAddress } from "../../model/address.ts";
import type { ForwardingMethod } from "../../model/service.ts";
import { findScheduler } from "../index.ts";
import type { DestinationFacts } from "../ipvs-model/destination.ts";
import type { ServiceKey, ServiceProtocol, ServiceRules } from "../ipvs-model/service.ts";
import { BadRecording } from "./recorded.ts";

export type Order =
  | { readonly kind: "add-service" | "edit-service"; readonly key: ServiceKey; readonly rules: ServiceRules }
  | { readonly kind: "delete-service"; readonly key: ServiceKey }
  | { readonly kind: "clear" }
  | { readonly kind: "add-server" | "edit-server"; readonly key: ServiceKey; readonly facts: DestinationFacts }
  | { readonly kind: "delete-server"; readonly key: ServiceKey; readonly server: Pick<DestinationFacts, "address" | "port"> }
  | { readonly kind: "timeouts"; readonly tcp: number; readonly tcpFin: number; readonly udp: number }
  /** Prints or resets what no choice depends on. */
  | { readonly kind: "nothing" };

const COMMANDS: Readonly<Record<string, Order["kind"]>> = {
  "-A": "add-service",
  "--add-service": "add-service",
  "-E": "edit-service",
  "--edit-service": "edit-service",
  "-D": "delete-service",
  "--delete-service": "delete-service",
  "-C": "clear",
  "--clear": "clear",
  "-a": "add-server",
  "--add-server": "add-server",
  "-e": "edit-server",
  "--edit-server": "edit-server",
  "-d": "delete-server",
  "--delete-server": "delete-server",
  "--set": "timeouts",
  "-Z": "nothing",
  "--zero": "nothing",
  "-L": "nothing",
  "-l": "nothing",
  "--list": "nothing",
};

const LONG: Readonly<Record<string, string>> = {
  "--tcp-service": "-t",
  "--udp-service": "-u",
  "--fwmark-service": "-f",
  "--ipv6": "-6",
  "--scheduler": "-s",
  "--persistent": "-p",
  "--netmask": "-M",
  "--ops": "-o",
  "--sched-flags": "-b",
  "--real-server": "-r",
  "--weight": "-w",
  "--u-threshold": "-x",
  "--l-threshold": "-y",
  "--masquerading": "-m",
  "--gatewaying": "-g",
  "--ipip": "-i",
};

const METHODS: Readonly<Record<string, ForwardingMethod>> = { "-m": "nat", "-g": "dr", "-i": "tun" };
const PROTOCOLS: Readonly<Record<string, ServiceProtocol>> = { "-t": "tcp", "-u": "udp", "--sctp-service": "sctp" };
const WITH_VALUE = new Set(["-t", "-u", "--sctp-service", "-f", "-s", "-M", "-b", "-r", "-w", "-x", "-y"]);
const WITHOUT_VALUE = new Set(["-6", "-o", "-m", "-g", "-i"]);

/** ipvsadm's own defaults. */
const DEFAULT_SCHEDULER = "wlc";
const DEFAULT_PERSISTENCE_SECONDS = 300;

export function parseOrder(args: readonly string[]): Order {
  const [command = "", ...rest] = args;
  const kind = COMMANDS[command];
  if (kind === undefined) throw new BadRecording(`ipvsadm ${args.join(" ")}: ${command} is not a command that can be replayed`);
  if (kind === "nothing" || kind === "clear") return { kind };
  if (kind === "timeouts") {
    const [tcp = 0, tcpFin = 0, udp = 0] = rest.map(Number);
    return { kind, tcp, tcpFin, udp };
  }
  const options = readOptions(rest, args);
  const key = keyOf(options);
  if (kind === "add-service" || kind === "edit-service") return { kind, key, rules: rulesOf(options, key) };
  if (kind === "delete-service") return { kind, key };
  if (kind === "delete-server") return { kind, key, server: endpointOf(options, key) };
  return { kind, key, facts: factsOf(options, key) };
}

type Options = ReadonlyMap<string, string>;

function readOptions(rest: readonly string[], args: readonly string[]): Options {
  const options = new Map<string, string>();
  for (let i = 0; i < rest.length; i++) {
    const written = rest[i] ?? "";
    const option = LONG[written] ?? written;
    const next = rest[i + 1];
    if (option === "-p") {
      // Its value may be left out.
      const hasValue = next !== undefined && /^\d+$/.test(next);
      options.set("-p", hasValue ? next : `${DEFAULT_PERSISTENCE_SECONDS}`);
      if (hasValue) i++;
    } else if (WITH_VALUE.has(option) && next !== undefined) {
      options.set(option, next);
      i++;
    } else if (WITHOUT_VALUE.has(option)) {
      options.set(option, "");
    } else {
      throw new BadRecording(`ipvsadm ${args.join(" ")}: ${written} is not an option that can be replayed`);
    }
  }
  return options;
}

function keyOf(options: Options): ServiceKey {
  const mark = options.get("-f");
  if (mark !== undefined) return { kind: "mark", family: options.has("-6") ? "ipv6" : "ipv4", mark: Number(mark) };
  for (const [option, protocol] of Object.entries(PROTOCOLS)) {
    const text = options.get(option);
    if (text === undefined) continue;
    const { address, port } = parseEndpoint(text);
    return { kind: "address", protocol, address, port: port ?? 0 };
  }
  throw new BadRecording("an ipvsadm command names no service");
}

function rulesOf(options: Options, key: ServiceKey): ServiceRules {
  const schedulerName = options.get("-s") ?? DEFAULT_SCHEDULER;
  const scheduler = findScheduler(schedulerName);
  if (scheduler === undefined) throw new BadRecording(`there is no scheduler "${schedulerName}"`);
  const flags = (options.get("-b") ?? "").split(",").filter((flag) => flag !== "");
  const unknown = flags.find((flag) => !/^((sh|mh)-(fallback|port)|flag-[12])$/.test(flag));
  if (unknown !== undefined) throw new BadRecording(`the scheduler flag "${unknown}" cannot be replayed`);
  return {
    schedulerName,
    scheduler,
    fallback: flags.some((flag) => flag.endsWith("-fallback") || flag === "flag-1"),
    usePort: flags.some((flag) => flag.endsWith("-port") || flag === "flag-2"),
    onePacket: options.has("-o"),
    persistence: options.has("-p")
      ? { timeoutSeconds: Number(options.get("-p")), prefixLength: prefixOf(options.get("-M"), key) }
      : undefined,
  };
}

/** IPv4 masks are written as addresses, IPv6 ones as lengths. */
function prefixOf(mask: string | undefined, key: ServiceKey): number {
  const family = key.kind === "mark" ? key.family : key.address.family;
  if (mask === undefined) return family === "ipv4" ? 32 : 128;
  if (!mask.includes(".")) return Number(mask);
  const bits = [...parseAddress(mask).bytes.subarray(0, 4)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!/^1*0*$/.test(bits)) throw new BadRecording(`the netmask ${mask} is not a prefix`);
  return bits.lastIndexOf("1") + 1;
}

function factsOf(options: Options, key: ServiceKey): DestinationFacts {
  const method = Object.entries(METHODS).find(([option]) => options.has(option))?.[1] ?? "dr";
  const { address, port } = endpointOf(options, key);
  return {
    address,
    // Only NAT can map a port; of the others ipvsadm itself makes the service's.
    port: method !== "nat" && key.kind === "address" ? key.port : port,
    weight: Number(options.get("-w") ?? 1),
    method,
    upperThreshold: Number(options.get("-x") ?? 0),
    lowerThreshold: Number(options.get("-y") ?? 0),
  };
}

function endpointOf(options: Options, key: ServiceKey): { readonly address: Address; readonly port: number } {
  const text = options.get("-r");
  if (text === undefined) throw new BadRecording("an ipvsadm command names no real server");
  const { address, port } = parseEndpoint(text);
  return { address, port: port ?? (key.kind === "address" ? key.port : 0) };
}

/** "10.0.0.11:80", "10.0.0.11", "[2001:db8::1]:80", "[2001:db8::1]" */
function parseEndpoint(text: string): { readonly address: Address; readonly port: number | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { address: parseAddress(bracketed ?? plain ?? text), port: port === undefined ? undefined : Number(port) };
}
