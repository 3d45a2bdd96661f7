/** What cannot work on this host: every mistake, with its place in the file. */

import type { Complaint, Path } from "../config/complaint.ts";
import type { Configuration, ConfiguredService } from "../config/configuration.ts";
import { type Address, formatAddress } from "../model/address.ts";
import type { RealServer } from "../model/service.ts";
import type { Link } from "../wire/netlink-link.ts";
import { allServers, type Host } from "./preflight-host.ts";

/** Where in the file something stands (config/source.ts). */
export interface Places {
  complaint(path: Path, text: string): Complaint;
}

type Say = (path: Path, text: string) => void;

export function complaintsOf(configuration: Configuration, host: Host, places: Places): Complaint[] {
  const complaints: Complaint[] = [];
  const say: Say = (path, text) => complaints.push(places.complaint(path, text));
  checkInterfaces(configuration, host, say);
  for (const [i, service] of configuration.services.entries()) {
    const path = ["services", i];
    checkAddress(service, host, path, say);
    checkHairpin(service, host, path, say);
    for (const [j, server] of service.servers.entries()) checkServer(service, server, host, [...path, "servers", j], say);
    if (service.sorryServer !== undefined) checkServer(service, service.sorryServer, host, [...path, "sorry_server"], say);
  }
  return complaints;
}

function checkInterfaces({ interfaces = [], marks, instances }: Configuration, { links }: Host, say: Say): void {
  const check = (name: string | undefined, path: Path): void => {
    if (name === undefined || links.some((link) => link.name === name)) return;
    say(path, `there is no interface ${name}; name one of: ${links.map((link) => link.name).join(", ")}`);
  };
  for (const [i, { interfaceName }] of interfaces.entries()) check(interfaceName, ["interfaces", i, "name"]);
  for (const [i, { interfaceName }] of marks.entries()) check(interfaceName, ["marks", i, "interface"]);
  for (const [i, { interfaceName, track }] of instances.entries()) {
    check(interfaceName, ["instances", i, "interface"]);
    for (const [j, rule] of track.entries())
      if ("interfaceName" in rule) check(rule.interfaceName, ["instances", i, "track", j, "interface"]);
  }
}

function checkAddress({ address, mark, fullNat }: ConfiguredService, host: Host, path: Path, say: Say): void {
  const isLocal = (wanted: Address) => host.carriers.has(formatAddress(wanted));
  if (fullNat !== undefined && !isLocal(fullNat)) {
    const text = `${formatAddress(fullNat)} is on no interface of this host, so servers could not answer to it; name an address that this host has in the servers' network`;
    say([...path, "full_nat"], text);
  }
  if (mark || isLocal(address)) return;
  const [usual] = usualCarriers(host, address);
  const whole = `${formatAddress(address)}/${address.family === "ipv4" ? 32 : 128}`;
  const cure = `ip address add ${whole} dev ${usual?.name ?? "INTERFACE"}`;
  const text = `the virtual address ${formatAddress(address)} is on no interface of this host, so nobody would send packets for it here; ${cure}`;
  say([...path, "address"], text);
}

/** Where an address like this one is at home: interfaces that have one of its family come first. */
function usualCarriers({ links, addresses }: Host, { family }: Address): readonly Link[] {
  const has = ({ index }: Link) => addresses.some((present) => present.interfaceIndex === index && present.address.family === family);
  const outward = links.filter((link) => !link.loopback && link.up);
  return [...outward.filter(has), ...outward.filter((link) => !has(link))];
}

/** One address stands for all clients of a service. */
function checkHairpin(service: ConfiguredService, { ways }: Host, path: Path, say: Say): void {
  if (!service.hairpin) return;
  const sources = new Map(
    allServers(service).flatMap(({ address }) => {
      const source = ways.get(formatAddress(address))?.source;
      return source === undefined ? [] : [[formatAddress(source), formatAddress(address)]];
    }),
  );
  const [one, other] = [...sources];
  if (one === undefined || other === undefined) return;
  const text = `this host goes to ${one[1]} from ${one[0]} and to ${other[1]} from ${other[0]}; a service has one such address, so write full_nat, or two services`;
  say([...path, "hairpin"], text);
}

function checkServer(service: ConfiguredService, server: RealServer, { ways }: Host, path: Path, say: Say): void {
  const way = ways.get(formatAddress(server.address));
  if (way === undefined) return;
  const said = formatAddress(server.address);
  // What goes up this host's own stack goes as it came; nobody could map the reply back.
  if (way.local && service.port !== 0 && server.port !== service.port) {
    const text = `${said} is this host itself, which gets the service's packets as they come, to port ${service.port}; it cannot get them at ${server.port}; let the server on this host listen on port ${service.port}, and write port: ${service.port} or none`;
    say(path, text);
  }
  // The packet keeps the virtual address: a router in between would not know where to.
  if (server.method === "dr" && !way.local && formatAddress(way.nextHop) !== said) {
    const text = `${said} is not on a network of this host but behind ${formatAddress(way.nextHop)}, and dr reaches only neighbours; use tun, or nat`;
    say([...path, "address"], text);
  }
}
