/** The states that the recordings of test/golden/ipvsadm were taken in, as values; and what the recordings show. */

import { readdirSync, readFileSync } from "node:fs";
import type { ListFormat } from "../../src/cli/ipvsadm/command.ts";
import type { ListedService } from "../../src/cli/ipvsadm/view.ts";
import { parseAddress } from "../../src/model/address.ts";
import type { ServerCounters } from "../../src/model/plane.ts";
import type { ForwardingMethod, RealServer, SchedulerFlag, SchedulerName, Tunnel, VirtualService } from "../../src/model/service.ts";
import { readRecording as read } from "./recordings.ts";

const FOLDER = new URL("../golden/ipvsadm/", import.meta.url);
/** What those do not show, asked of the real one besides. */
export const MORE = new URL("../golden/ipvsadm-more/", import.meta.url);

const FLAGS: Readonly<Record<string, SchedulerFlag>> = {
  fallback: "fallback",
  port: "port",
  1: "fallback",
  2: "port",
  3: "third",
};

export interface Recording {
  readonly name: string;
  readonly command: string;
  readonly printed: string;
}

export function readRecording(file: URL): Recording {
  const { name, command, stdout } = read(file);
  return { name, command, printed: stdout };
}

/** By number, "017". */
const FILES: ReadonlyMap<string, string> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".txt"))
    .map((file) => [file.slice(0, 3), file]),
);

export function recording(number: string): Recording {
  const file = FILES.get(number);
  if (file === undefined) throw new Error(`there is no recording ${number}`);
  return readRecording(new URL(file, FOLDER));
}

export function readLines(file: URL): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

/** The format that the options of a command ask for. */
export function formatOf(command: string): ListFormat {
  const has = (option: string) => command.split(" ").includes(option);
  return {
    numeric: / -[A-Za-z]*n|--numeric/.test(command),
    stats: has("--stats"),
    rate: has("--rate"),
    exact: has("--exact"),
    thresholds: has("--thresholds"),
    persistentConnections: has("--persistent-conn"),
    tunnelInfo: has("--tun-info"),
    unsorted: has("--nosort"),
    json: false,
  };
}

/** The salt of IPVS's buckets in the machines that the recordings were taken in: found by trying all, see print.test.ts. */
export const SALT = { big: 96, traffic: 208, small: 32 } as const;

/** state-big.sh has only forms that mean the same word by word. */
export const BIG: readonly VirtualService[] = stateOf(
  readLines(new URL("state-big.sh", FOLDER))
    .filter((line) => /^ipvsadm -[Aa]/.test(line))
    .map((line) => line.replace("ipvsadm ", "")),
);

/** What the err-* lines left behind that succeeded, in a form that means the same word by word; each with its number. */
const SMALL: readonly (readonly [after: number, line: string])[] = [
  [0, "-A -t 207.1.1.1:80 -s rr"],
  [0, "-a -t 207.1.1.1:80 -r 192.168.1.1:80 -m"],
  [0, "-A -f 5 -s rr"],
  [0, "-A -u 207.1.1.1:53 -s rr"],
  [0, "-A -t [fd07::1]:80 -s rr"],
  [141, "-a -t 207.1.1.1:80 -r 192.168.2.13:80 -w 65536"],
  [142, "-a -t 207.1.1.1:80 -r 192.168.2.14:80 -w 70000"],
  [143, "-a -t 207.1.1.1:80 -r 192.168.2.15:80 -w 2147483647"],
  [153, "-A -t 1.2.3.4:80 -s rr"],
  [158, "-A -t 1.2.0.3:80 -s rr"],
  [159, "-A -t 127.0.0.1:81 -s rr"],
  [165, "-A -t 224.0.0.1:80 -s rr"],
  [166, "-A -t 0.0.0.0:80 -s rr"],
  [171, "-A -t 1.2.3.5:80 -s wlc"],
  [176, "-A -t 1.2.3.10:80 -s rr -p 2678400"],
  [177, "-A -t 1.2.3.11:80 -s rr"],
  [178, "-A -t 1.2.3.12:80 -s rr -p -M 255.0.255.0"],
  [180, "-A -t 1.2.3.14:80 -s rr -p -M 0.0.0.24"],
  [181, "-A -t 1.2.3.15:80 -s rr -p -M 0.0.0.0"],
  [205, "-a -t 207.1.1.1:80 -r 192.168.2.77:80 -x 65536"],
  [213, "-A -f 4294967295 -s rr"],
  [216, "-A -f 5 -6 -s rr"],
  [220, "-A -f 6 -6 -s rr -p -M 64"],
  [223, "-a -t 207.1.1.1:80 -r [fd92::1]:80 -i"],
  [246, "-A -t 1.2.3.22:80 -s rr -b flag-1,flag-3"],
  [248, "-A -t 1.2.3.23:81 -s mh -b mh-port,mh-fallback"],
  [249, "-A -t 1.2.3.24:5060 -s rr -p --pe sip"],
  [251, "-A -u 1.2.3.26:5060 -s rr --pe sip"],
  [253, "-A -f 77 -s rr -o"],
  [269, "-A -t 1.2.3.31:80 -s wlc -p 100 -M 255.255.255.0"],
  [273, "-A -t 1.2.3.32:80 -s rr"],
  [274, "-a -t 207.1.1.1:80 -r 192.168.1.30:80 -g"],
  [275, "-a -t 207.1.1.1:80 -r 192.168.1.31:80 -m"],
  [276, "-a -t 207.1.1.1:80 -r 127.0.0.1:80 -m"],
  [277, "-a -t 207.1.1.1:80 -r 207.1.1.1:8080 -m"],
  [279, "-e -t 207.1.1.1:80 -r 192.168.1.1:80 -w 9"],
  [280, "-E -t 1.2.3.10:80 -s rr"],
  [285, "-A -t 4.4.4.4:80 -s rr"],
  [285, "-A -t 4.4.4.5:80 -s rr"],
];

/** What there was when the recording of that number was taken. */
export function smallAt(number: number): readonly VirtualService[] {
  return stateOf(SMALL.filter(([after]) => after < number).map(([, line]) => line));
}

/** Conns, InPkts, OutPkts, InBytes, OutBytes. */
type Numbers = readonly [number, number, number, number, number];

export interface Seen {
  /** By "TCP 207.1.1.1:80" and, of servers, "TCP 207.1.1.1:80 192.168.1.1:80". */
  readonly traffic?: Readonly<Record<string, Numbers>>;
  readonly rates?: Readonly<Record<string, Numbers>>;
  /** ActiveConn, InActConn, PersistConn. */
  readonly connections?: Readonly<Record<string, readonly [number, number, number?]>>;
}

const NOTHING: Numbers = [0, 0, 0, 0, 0];

/** A state with what it has counted; nothing where nothing is said. */
export function listed(services: readonly VirtualService[], { traffic = {}, rates = {}, connections = {} }: Seen = {}): ListedService[] {
  const counted = (name: string) => {
    const [a, b, c, d, e] = traffic[name] ?? NOTHING;
    return { connections: BigInt(a), packetsIn: BigInt(b), packetsOut: BigInt(c), bytesIn: BigInt(d), bytesOut: BigInt(e) };
  };
  const rated = (name: string) => {
    const [a, b, c, d, e] = rates[name] ?? NOTHING;
    return { connections: a, packetsIn: b, packetsOut: c, bytesIn: d, bytesOut: e };
  };
  return services.map(({ servers, ...service }) => {
    const name = `${service.protocol.toUpperCase()} ${endpoint(service)}`;
    return {
      service,
      traffic: counted(name),
      rates: rated(name),
      servers: servers.map((server): ServerCounters => {
        const serverName = `${name} ${endpoint(server)}`;
        const [active, inactive, persistent = 0] = connections[serverName] ?? [0, 0];
        return { service, server, active, inactive, persistent, overloaded: false, ...counted(serverName), rates: rated(serverName) };
      }),
    };
  });
}

function endpoint({ address: { family, bytes }, port }: Pick<RealServer, "address" | "port">): string {
  if (family === "ipv4") return `${bytes.subarray(0, 4).join(".")}:${port}`;
  return `[${Buffer.from(bytes).toString("hex", 0, 2)}::${bytes[15]}]:${port}`;
}

/** Reads lines of -A, -a, -E and -e that are written out in full: no names, no short forms, no port left out. */
export function stateOf(lines: readonly string[]): VirtualService[] {
  const services: VirtualService[] = [];
  for (const line of lines) {
    const options = readOptions(line);
    const name = nameOf(options);
    const at = services.findIndex((service) => JSON.stringify(identity(service)) === JSON.stringify(identity(name)));
    const present = services[at];
    if (options.has("-A")) services.push({ ...name, ...ruleOf(options, name.address.family), servers: [] });
    else if (present === undefined) throw new Error(`no service for: ${line}`);
    else if (options.has("-E")) services[at] = { ...name, ...ruleOf(options, name.address.family), servers: present.servers };
    else {
      const server = serverOf(options);
      const servers = options.has("-a")
        ? [...present.servers, server]
        : present.servers.map((each) => (endpoint(each) === endpoint(server) ? server : each));
      services[at] = { ...present, servers };
    }
  }
  return services;
}

function readOptions(line: string): Map<string, string> {
  const words = line.trim().split(/\s+/);
  const options = new Map<string, string>();
  for (const [i, word] of words.entries()) {
    if (!word.startsWith("-")) continue;
    const next = words[i + 1];
    options.set(word, next === undefined || next.startsWith("-") ? "" : next);
  }
  return options;
}

type Named = Pick<VirtualService, "address" | "port" | "protocol" | "mark">;

function identity({ address: { family, bytes }, port, protocol, mark = 0 }: Named): unknown {
  return [family, ...bytes, port, protocol, mark];
}

function nameOf(options: ReadonlyMap<string, string>): Named {
  const mark = options.get("-f");
  if (mark !== undefined) {
    return { address: parseAddress(options.has("-6") ? "::" : "0.0.0.0"), port: 0, protocol: "tcp", mark: Number(mark) };
  }
  const protocol = options.has("-t") ? "tcp" : options.has("-u") ? "udp" : "sctp";
  return { ...endpointOf(options.get("-t") ?? options.get("-u") ?? options.get("--sctp-service") ?? ""), protocol };
}

function endpointOf(text: string): Pick<RealServer, "address" | "port"> {
  const [, six, four, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { address: parseAddress(six ?? four ?? text), port: Number(port ?? 0) };
}

function ruleOf(options: ReadonlyMap<string, string>, family: "ipv4" | "ipv6"): Omit<VirtualService, keyof Named | "servers"> {
  const timeout = options.get("-p");
  const mask = options.get("-M");
  const flags = options.get("-b")?.split(",") ?? [];
  return {
    scheduler: options.get("-s") as SchedulerName,
    ...(timeout === undefined
      ? {}
      : {
          persistence: {
            timeoutSeconds: timeout === "" ? 360 : Number(timeout),
            ...(mask === undefined ? {} : { clientMask: family === "ipv4" ? parseAddress(mask) : prefix(Number(mask)) }),
          },
        }),
    ...(options.has("--pe") ? { persistenceEngine: "sip" } : {}),
    ...(options.has("-o") ? { onePacket: true } : {}),
    ...(flags.length === 0 ? {} : { schedulerFlags: flags.map((flag) => FLAGS[flag.replace(/^.*-/, "")] ?? "third") }),
  };
}

function prefix(length: number): VirtualService["address"] {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff);
  return { family: "ipv6", bytes };
}

function serverOf(options: ReadonlyMap<string, string>): RealServer {
  const method: ForwardingMethod = options.has("-m") ? "nat" : options.has("-i") ? "tun" : "dr";
  const number = (option: string, key: string) => (options.has(option) ? { [key]: Number(options.get(option)) } : {});
  const tunnel: Tunnel = {
    type: (options.get("--tun-type") ?? "ipip") as Tunnel["type"],
    ...number("--tun-port", "port"),
    ...(options.has("--tun-csum") ? { checksum: true } : {}),
    ...(options.has("--tun-remcsum") ? { remoteChecksum: true } : {}),
  };
  return {
    ...endpointOf(options.get("-r") ?? ""),
    weight: Number(options.get("-w") ?? 1),
    method,
    ...(options.has("--tun-type") ? { tunnel } : {}),
    ...number("-x", "upperThreshold"),
    ...number("-y", "lowerThreshold"),
  };
}
