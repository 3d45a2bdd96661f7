/** What will not work as one may think, though the configuration can be applied. */

import type { Configuration } from "../config/configuration.ts";
import { CLSACT_PRIORITY, filters } from "../kernel/clsact.ts";
import { readSysctl } from "../kernel/sysctl.ts";
import { formatAddress } from "../model/address.ts";
import { serverName, serviceName } from "../model/service.ts";
import type { Link } from "../wire/netlink-link.ts";
import type { Host } from "./preflight-host.ts";

/** `listening`: where the packet path will listen. */
export function warningsOf(configuration: Configuration, host: Host, listening: readonly string[]): string[] {
  return [
    ...waysMissing(configuration, host),
    ...genericNat(configuration),
    ...lonelyMarks(configuration),
    ...idleInstances(configuration),
    ...repliesUnknown(configuration),
    ...strangersOn(host.links.filter(({ name }) => listening.includes(name))),
  ];
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

function waysMissing(configuration: Configuration, { ways }: Host): string[] {
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
