/** What must be true of this host before a configuration can work on it, and what had better be. Nothing is changed here. */

import type { Configuration } from "../config/configuration.ts";
import { listAddresses } from "../kernel/addresses.ts";
import { CLSACT_PRIORITY, filters } from "../kernel/clsact.ts";
import { listLinks } from "../kernel/links.ts";
import { readSysctl } from "../kernel/sysctl.ts";
import { type Address, formatAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { WantedAttachment } from "../model/plane.ts";
import { serverName, serviceName } from "../model/service.ts";
import type { Link } from "../wire/netlink-link.ts";
import type { ServerWay, WaysTo } from "./server-way.ts";

/** The place of a path in the file: "evenkeel.yaml:12:15". */
export type PlaceOf = (path: readonly (string | number)[]) => string;

export interface Preflight {
  /** Where the packet path listens when the configuration leaves it open. */
  readonly automatic: readonly WantedAttachment[];
  /** What will not work, though the configuration can be applied. */
  readonly warnings: readonly string[];
}

/** Throws INTERFACE_MISSING or VIP_NOT_LOCAL for the first thing that cannot work. */
export function preflight(configuration: Configuration, placeOf: PlaceOf, waysTo: WaysTo): Preflight {
  const links = listLinks();
  const local = listAddresses();
  const carriers = Map.groupBy(local, ({ address }) => formatAddress(address));
  const requireLink = (interfaceName: string | undefined, path: Parameters<PlaceOf>[0]): void => {
    if (interfaceName === undefined || links.some(({ name }) => name === interfaceName)) return;
    throw new EvenkeelError("INTERFACE_MISSING", `${placeOf(path)}: there is no interface ${interfaceName}`, {
      cure: `name one of: ${links.map(({ name }) => name).join(", ")}`,
    });
  };
  for (const [i, { interfaceName }] of (configuration.interfaces ?? []).entries()) requireLink(interfaceName, ["interfaces", i, "name"]);
  for (const [i, { interfaceName }] of configuration.marks.entries()) requireLink(interfaceName, ["marks", i, "interface"]);
  for (const [i, { address, mark, fullNat }] of configuration.services.entries()) {
    const isLocal = (wanted: Address) => carriers.has(formatAddress(wanted));
    if (fullNat !== undefined && !isLocal(fullNat)) {
      throw new EvenkeelError(
        "VIP_NOT_LOCAL",
        `${placeOf(["services", i, "full_nat"])}: ${formatAddress(fullNat)} is on no interface of this host, so servers could not answer to it`,
        { cure: "name an address that this host has in the servers' network" },
      );
    }
    if (mark || isLocal(address)) continue;
    const [usual] = usualCarriers(links, local, address);
    const prefix = address.family === "ipv4" ? 32 : 128;
    throw new EvenkeelError(
      "VIP_NOT_LOCAL",
      `${placeOf(["services", i, "address"])}: the virtual address ${formatAddress(address)} is on no interface of this host, so nobody would send packets for it here`,
      { cure: `ip address add ${formatAddress(address)}/${prefix} dev ${usual?.name ?? "INTERFACE"}` },
    );
  }
  const ways = waysOf(configuration, waysTo);
  refuseMappedHere(configuration, ways, placeOf);
  const automatic = automaticInterfaces(configuration, links, carriers, ways);
  const listening = (configuration.interfaces ?? automatic).map(({ interfaceName }) => interfaceName);
  return {
    automatic,
    warnings: [
      ...warningsOf(configuration, ways),
      ...genericNat(configuration),
      ...lonelyMarks(configuration),
      ...idleInstances(configuration),
      ...repliesUnknown(configuration),
      ...strangersOn(links.filter(({ name }) => listening.includes(name))),
    ],
  };
}

type LocalAddress = ReturnType<typeof listAddresses>[number];

/** Where an address like this one is at home: interfaces that have one of its family come first. */
function usualCarriers(links: readonly Link[], local: readonly LocalAddress[], { family }: Address): readonly Link[] {
  const has = ({ index }: Link) => local.some((present) => present.interfaceIndex === index && present.address.family === family);
  const outward = links.filter((link) => !link.loopback && link.up);
  return [...outward.filter(has), ...outward.filter((link) => !has(link))];
}

/** Docs: decisions/0002. Frames of hosts on this machine (veth, virtio) leave their checksums to a card, which XDP cannot see. */
function genericNat({ interfaces = [], services }: Configuration): string[] {
  if (!services.some(({ servers }) => servers.some(({ method }) => method === "nat"))) return [];
  return interfaces
    .filter(({ hook }) => hook === "xdp-generic")
    .map(
      ({ interfaceName }) =>
        `${interfaceName}: NAT with generic XDP breaks the checksums of frames that virtual cards left unfinished; prefer hook: tc`,
    );
}

/** Services by a mark that nobody gives were complained of already. */
function lonelyMarks({ marks, services }: Configuration): string[] {
  const served = new Set(services.map(({ mark }) => mark));
  const given = new Set(marks.map(({ mark }) => mark));
  return [...given]
    .filter((mark) => !served.has(mark))
    .map((mark) => `no service has the mark ${mark}: packets with it go on as if they had none`);
}

function idleInstances({ instances: { length } }: Configuration): string[] {
  if (length === 0) return [];
  return [`failover is not there yet: ${length} ${length === 1 ? "instance is" : "instances are"} checked, not run`];
}

/** As in IPVS: a datagram scheduled by itself leaves nothing by which its reply could be known and mapped back. */
function repliesUnknown({ services }: Configuration): string[] {
  return services
    .filter(({ onePacket, servers }) => onePacket === true && servers.some(({ method }) => method === "nat"))
    .map(
      (service) =>
        `${serviceName(service)}: one_packet remembers no connection, so replies of its NAT servers reach the clients from the servers' own addresses; prefer dr or tun`,
    );
}

function strangersOn(links: readonly Link[]): string[] {
  return links
    .filter(({ index }) => filters(index, "ingress").some(({ priority }) => priority !== CLSACT_PRIORITY))
    .map(
      ({ name }) =>
        `${name} has tc filters of others, which do not see what the packet path forwards: see tc filter show dev ${name} ingress`,
    );
}

type Ways = ReadonlyMap<string, ServerWay | undefined>;

function waysOf({ services }: Configuration, waysTo: WaysTo): Ways {
  const addresses = services.flatMap(({ servers }) => servers.map(({ address }) => address));
  const ways = waysTo(addresses);
  return new Map(addresses.map((address, i) => [formatAddress(address), ways[i]]));
}

/** What goes up this host's own stack goes as it came; nobody could map the reply back. */
function refuseMappedHere({ services }: Configuration, ways: Ways, placeOf: PlaceOf): void {
  for (const [i, service] of services.entries()) {
    for (const [j, server] of service.servers.entries()) {
      if (!ways.get(formatAddress(server.address))?.local || service.port === 0 || server.port === service.port) continue;
      throw new EvenkeelError(
        "BAD_CONFIGURATION",
        `${placeOf(["services", i, "servers", j])}: ${formatAddress(server.address)} is this host itself, which gets the service's packets as they come, to port ${service.port}; it cannot get them at ${server.port}`,
        { cure: `let the server on this host listen on port ${service.port}, and write port: ${service.port} or none` },
      );
    }
  }
}

/** The interfaces that carry a virtual address (all that are up, when it is on lo) or lead to a NAT server. */
function automaticInterfaces(
  configuration: Configuration,
  links: readonly Link[],
  local: ReadonlyMap<string, readonly LocalAddress[]>,
  ways: Ways,
): WantedAttachment[] {
  const wanted = new Set<number>();
  const outward = links.filter((link) => !link.loopback && link.up && link.mac.length === 6 && link.masterIndex === undefined);
  for (const { address, servers, mark } of configuration.services) {
    // Marked packets may come from everywhere.
    if (mark) for (const { index } of outward) wanted.add(index);
    const carriers = (local.get(formatAddress(address)) ?? []).map(({ interfaceIndex }) => interfaceIndex);
    const onLoopback = !mark && carriers.every((index) => links.find((link) => link.index === index)?.loopback);
    for (const index of onLoopback ? outward.map((link) => link.index) : carriers) wanted.add(index);
    for (const server of servers) {
      const way = ways.get(formatAddress(server.address));
      if (server.method === "nat" && way !== undefined) wanted.add(way.ifindex);
    }
  }
  return links
    .filter((link) => wanted.has(link.index) && !link.loopback)
    .map((link) => ({ interfaceName: link.name, hook: "auto" as const }));
}

function warningsOf(configuration: Configuration, ways: Ways): string[] {
  const servers = configuration.services.flatMap((service) => service.servers);
  const unreachable = servers.filter((server) => ways.get(formatAddress(server.address)) === undefined).map(serverName);
  const warnings = [...new Set(unreachable)].map(
    (name) => `there is no route to the server ${name}: packets for it are dropped (DROP_NO_ROUTE)`,
  );
  for (const [family, setting] of [
    ["ipv4", "net/ipv4/ip_forward"],
    ["ipv6", "net/ipv6/conf/all/forwarding"],
  ] as const) {
    const nat = servers.some((server) => server.method === "nat" && server.address.family === family);
    if (nat && readSysctl(setting) === "0") {
      warnings.push(`NAT replies need forwarding, which is off: sysctl -w ${setting.replaceAll("/", ".")}=1`);
    }
  }
  return warnings;
}
