/** What the options of one line say, gathered one by one as they come; a complaint about one comes before the next is looked at. */

import { type Address, addressFromBytes, parseAddress } from "../../model/address.ts";
import type { ServiceName } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { ForwardingMethod, Protocol } from "../../model/service.ts";
import { CommandError, type Names } from "./command.ts";
import type { TunnelType } from "./command-options.ts";
import type { OptionName, PlainOption } from "./options.ts";
import { type HostAndPort, ipv6Address, parseHost, parseHostAndPort } from "./service-address.ts";
import { atoi, integerBetween, TIMEOUT_MAX } from "./values.ts";

/** What is left out was not said; where ipvsadm has a default, it stands here. */
export interface Said {
  readonly given: Set<OptionName>;
  service?: ServiceName;
  scheduler: string;
  persistenceSeconds: number;
  /** Undefined: all of the client's address counts. */
  mask?: Address | undefined;
  schedulerFlags: string;
  persistenceEngine: string;
  server?: { readonly address: Address; readonly port: number };
  method: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: TunnelType;
  tunnelPort?: number;
  interfaceName: string;
  syncId: number;
  maxLength?: number;
  group: Address;
  groupPort: number;
  groupTtl: number;
}

const INT_MAX = 2 ** 31 - 1;
const MARK_MAX = 2 ** 32 - 1;
const UDP_PAYLOAD_MAX = 65507;
const DEFAULT_INTERFACE = "eth0";
const INTERFACE_NAME_MAX = 15;
const SYNC_GROUP = parseAddress("224.0.0.81");
const UNSPECIFIED = { ipv4: parseAddress("0.0.0.0"), ipv6: parseAddress("::") } as const;

export function nothingSaid(): Said {
  return {
    given: new Set(),
    scheduler: "",
    persistenceSeconds: 360,
    schedulerFlags: "",
    persistenceEngine: "",
    method: "dr",
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: "ipip",
    interfaceName: DEFAULT_INTERFACE,
    syncId: 0,
    group: SYNC_GROUP,
    groupPort: 8848,
    groupTtl: 1,
  };
}

/** Adds an option to what has been said; its argument is there if its kind has one. */
export function hear(said: Said, option: PlainOption & { kind: "option" }, argument: string | undefined, names: Names): void {
  if (said.given.has(option.name)) throw new CommandError(`multiple '${option.name}' options specified`, 2);
  said.given.add(option.name);
  LISTENERS[option.name]?.(said, { option: option.long ?? "", argument, text: argument ?? "", names });
}

/** -6: the mark is one of IPv6. What was said of a mask is forgotten. */
export function hearIpv6(said: Said): void {
  if (!said.service?.mark) throw new CommandError("-6 used before -f\n", 2);
  said.service = { ...said.service, address: UNSPECIFIED.ipv6 };
  said.mask = undefined;
}

interface Heard {
  /** Its long name. */
  readonly option: string;
  readonly argument: string | undefined;
  readonly text: string;
  readonly names: Names;
}

/** What is not here has been said by being there. */
const LISTENERS: Readonly<Partial<Record<OptionName, (said: Said, heard: Heard) => void>>> = {
  "service-address": (said, heard) => {
    said.service = heard.option === "fwmark-service" ? markedService(heard.text) : addressedService(heard);
    if (said.service.address.family === "ipv6") said.mask = undefined;
  },
  scheduler: (said, { text }) => {
    said.scheduler = text;
  },
  persistent: (said, { argument }) => {
    if (argument !== undefined) said.persistenceSeconds = timeoutOf(argument, 1);
  },
  netmask: (said, { text, names }) => {
    said.mask = said.service?.address.family === "ipv6" ? ipv6Mask(text) : ipv4Mask(text, names);
  },
  "real-server": (said, { text, names }) => {
    const { service } = said;
    const server = parseHostAndPort(text, service?.protocol, names);
    said.server = withDefaultPort(server ?? refuse("illegal real server address[:port] specified"), service?.port ?? 0);
  },
  "forwarding-method": (said, { option }) => {
    said.method = option === "masquerading" ? "nat" : option === "ipip" ? "tun" : "dr";
  },
  weight: (said, { text }) => {
    said.weight = numberOf(text, 0, INT_MAX, "weight");
  },
  "u-threshold": (said, { text }) => {
    said.upperThreshold = numberOf(text, 0, INT_MAX, "u_threshold");
  },
  "l-threshold": (said, { text }) => {
    said.lowerThreshold = numberOf(text, 0, INT_MAX, "l_threshold");
  },
  pe: (said, { text }) => {
    said.persistenceEngine = text;
  },
  "sched-flags": (said, { text }) => {
    said.schedulerFlags = text;
  },
  "tun-type": (said, { text }) => {
    said.tunnelType = text === "ipip" || text === "gue" || text === "gre" ? text : refuse("illegal tunnel type specified");
  },
  "tun-port": (said, { text }) => {
    said.tunnelPort = numberOf(text, 1, 65535, "tunnel port");
  },
  "mcast-interface": (said, { text }) => {
    said.interfaceName = text === "" ? DEFAULT_INTERFACE : text.slice(0, INTERFACE_NAME_MAX);
  },
  syncid: (said, { text }) => {
    said.syncId = numberOf(text, 0, 255, "syncid");
  },
  "sync-maxlen": (said, { text }) => {
    said.maxLength = numberOf(text, 1, UDP_PAYLOAD_MAX, "sync-maxlen");
  },
  "mcast-group": (said, { text }) => {
    said.group = groupOf(text);
  },
  "mcast-port": (said, { text }) => {
    said.groupPort = numberOf(text, 1, 65535, "mcast-port");
  },
  "mcast-ttl": (said, { text }) => {
    said.groupTtl = numberOf(text, 1, 255, "mcast-ttl");
  },
};

/** A timeout of -p, which is at least 1, or of --set, where 0 is none. */
export function timeoutOf(text: string, minimum: 0 | 1): number {
  return integerBetween(text, minimum, TIMEOUT_MAX) ?? refuse(`invalid timeout value \`${text}' specified`);
}

function markedService(text: string): ServiceName {
  const mark = integerBetween(text, 1, MARK_MAX) ?? refuse(`invalid fwmark value \`${text}' specified`);
  return { address: UNSPECIFIED.ipv4, port: 0, protocol: "tcp", mark };
}

function addressedService({ option, text, names }: Heard): ServiceName {
  const protocol: Protocol = option === "tcp-service" ? "tcp" : option === "udp-service" ? "udp" : "sctp";
  const found = parseHostAndPort(text, protocol, names) ?? refuse("illegal virtual server address[:port] specified");
  return { ...withDefaultPort(found, 0), protocol };
}

function withDefaultPort({ address, port }: HostAndPort, otherwise: number): { readonly address: Address; readonly port: number } {
  return { address, port: port ?? otherwise };
}

function ipv4Mask(text: string, names: Names): Address {
  return parseHost(text, names) ?? refuse("illegal virtual server persistent mask specified");
}

function ipv6Mask(text: string): Address {
  const length = atoi(text);
  if (length < 1 || length > 128) refuse("illegal ipv6 netmask specified");
  return addressFromBytes(Uint8Array.from({ length: 16 }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff));
}

function groupOf(text: string): Address {
  if (text.includes(":")) {
    const address = ipv6Address(text);
    return address?.bytes[0] === 0xff ? address : refuse(`invalid IPv6 mcast-group \`${text}'`);
  }
  try {
    const address = parseAddress(text);
    if (((address.bytes[0] ?? 0) & 0xf0) === 0xe0) return address;
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
  }
  return refuse(`invalid IPv4 mcast-group \`${text}'`);
}

function numberOf(text: string, minimum: number, maximum: number, what: string): number {
  return integerBetween(text, minimum, maximum) ?? refuse(`illegal ${what} specified`);
}

function refuse(text: string): never {
  throw new CommandError(text, 2);
}
