/** What `up` and `status` are asked for, and whether it makes sense on this host. Complaints say what would. */

import { type Address, formatAddress, sameAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import type { ForwardingMethod, Tunnel } from "../model/service.ts";
import { interfaceTowards } from "./gateway.ts";
import { announcingInterface, HIDING_PLACE } from "./hidden-address.ts";
import { type Host, type HostInterface, interfaceHolding, isLinkLocal, lanInterfaces, notUnicast } from "./host.ts";

/** How TUN packets are unwrapped: by the kernel's tunnel devices, by our eBPF program, or whichever decapsulation.ts finds right. */
export const DECAPSULATION_CHOICES = ["auto", "device", "bpf"] as const;
export type DecapsulationChoice = (typeof DECAPSULATION_CHOICES)[number];

export interface RealServerOptions {
  readonly method: ForwardingMethod;
  readonly vips: readonly Address[];
  /** At most one a family. */
  readonly gateways?: readonly Address[];
  /** Towards the director; left out: every Ethernet interface that is up and has an address. */
  readonly interfaces?: readonly string[];
  readonly decapsulation?: DecapsulationChoice;
  /** tun: what the director puts around its packets; plain IPIP when left out. */
  readonly tunnel?: TunnelEnd;
}

/** A checksum is taken or not as it comes. */
export type TunnelEnd = Pick<Tunnel, "type" | "port">;

/** IANA's for GUE. */
export const GUE_PORT = 6080;

/** The options with everything filled in, and the LAN they mean on this host. */
export interface Settled {
  readonly method: ForwardingMethod;
  readonly vips: readonly Address[];
  readonly gateways: readonly { readonly gateway: Address; readonly lan: HostInterface }[];
  readonly lan: readonly HostInterface[];
  readonly decapsulation: DecapsulationChoice;
  readonly tunnel: TunnelEnd;
}

/** Throws BAD_ARGUMENT or INTERFACE_MISSING. */
export function settle(options: RealServerOptions, host: Host): Settled {
  const vips = distinct(options.vips);
  if (vips.length === 0) throw refuse("no VIP is given", "name the virtual service's address: --vip 192.0.2.10");
  const lan = settleLan(options.interfaces ?? [], host);
  for (const vip of vips) checkVip(vip);
  const gateways = distinct(options.gateways ?? []).map((gateway) => ({ gateway, lan: checkGateway(gateway, vips, lan, host) }));
  checkFamilies(options.method, vips, gateways, lan);
  return { method: options.method, vips, gateways, lan, decapsulation: options.decapsulation ?? "auto", tunnel: settleTunnel(options) };
}

function settleTunnel({ method, tunnel, decapsulation }: RealServerOptions): TunnelEnd {
  const { type, port } = tunnel ?? { type: "ipip" };
  if (tunnel !== undefined && method !== "tun")
    throw refuse(
      `${method.toUpperCase()} has no tunnel, so there is no ${type} to be taken off`,
      "use --method tun, or leave out --tunnel",
    );
  if (type !== "gue" && port !== undefined) throw refuse(`a port is GUE's only, ${type} has none`, "leave out --tunnel-port");
  if (type !== "ipip" && decapsulation === "device")
    throw refuse(`no tunnel device of the kernel unwraps ${type.toUpperCase()} by itself`, "use --decap bpf");
  return type === "gue" ? { type, port: port ?? GUE_PORT } : { type };
}

function settleLan(names: readonly string[], host: Host): readonly HostInterface[] {
  const known = host.interfaces.filter(({ name }) => name !== HIDING_PLACE).map(({ name }) => name);
  for (const name of names) {
    const found = host.interfaces.find((one) => one.name === name);
    if (found === undefined) throw missing(`there is no interface "${name}"`, known);
    if (!found.isEthernet)
      throw missing(`${name} is no Ethernet interface: neighbours cannot ask there, nor the director send there`, known);
    if (!found.isUp) throw new EvenkeelError("INTERFACE_MISSING", `the interface ${name} is down`, { cure: `ip link set ${name} up` });
  }
  const lan = lanInterfaces(host, names);
  if (lan.length === 0) throw missing("no Ethernet interface is up and has an address", known);
  return lan;
}

/** What `up` must not begin with; `status` reports it instead. `hiddenByUs`: VIPs on lo that this `up` will take away. */
export function checkHolders({ vips, method }: Settled, host: Host, hiddenByUs: readonly string[]): void {
  for (const vip of vips) {
    const text = formatAddress(vip);
    const announcing = announcingInterface(host.interfaces, vip);
    if (announcing !== undefined) {
      throw refuse(
        `${text} cannot be a hidden VIP here: it is this server's own address on ${announcing.name}, which the network knows`,
        `if it is the VIP, remove it (ip addr del ${text} dev ${announcing.name}); if it is the server's own address, name the VIP`,
      );
    }
    const holder = interfaceHolding(host, vip);
    if (method !== "nat" || holder === undefined || hiddenByUs.includes(text)) continue;
    throw refuse(
      `with NAT ${text} must not be on the real server, but ${holder.name} has it: replies would never reach the director`,
      `ip addr del ${text}/${vip.family === "ipv4" ? 32 : 128} dev ${holder.name}`,
    );
  }
}

function checkVip(vip: Address): void {
  const why = notUnicast(vip) ?? (isLinkLocal(vip) ? "a link-local address" : undefined);
  if (why === undefined) return;
  throw refuse(`${formatAddress(vip)} cannot be a VIP: it is ${why}`, "name the virtual service's address, which clients connect to");
}

function checkGateway(gateway: Address, vips: readonly Address[], lan: readonly HostInterface[], host: Host): HostInterface {
  const text = formatAddress(gateway);
  const why = notUnicast(gateway);
  if (why !== undefined)
    throw refuse(`${text} cannot be a gateway: it is ${why}`, "name the address of the director (NAT) or the router (DR, TUN)");
  if (vips.some((vip) => sameAddress(vip, gateway))) {
    throw refuse(`${text} cannot be both VIP and gateway`, "with NAT the gateway is the director's address in the real servers' network");
  }
  const holder = interfaceHolding(host, gateway);
  if (holder !== undefined)
    throw refuse(`the gateway ${text} is this server itself (${holder.name})`, "name the director's (NAT) or the router's address");
  const towards = interfaceTowards(lan, gateway);
  if (towards === undefined) {
    const names = lan.map(({ name }) => name).join(", ");
    throw refuse(
      `the gateway ${text} is on no network of ${names}`,
      "give the interface an address in the gateway's network, or name that interface with --interface",
    );
  }
  return towards;
}

function checkFamilies(
  method: ForwardingMethod,
  vips: readonly Address[],
  gateways: readonly { readonly gateway: Address }[],
  lan: readonly HostInterface[],
): void {
  for (const family of ["ipv4", "ipv6"] as const) {
    const [name, example] = family === "ipv4" ? ["IPv4", "10.0.0.1"] : ["IPv6", "fd00::1"];
    const given = gateways.filter(({ gateway }) => gateway.family === family);
    if (given.length > 1) {
      const both = given.map(({ gateway }) => formatAddress(gateway)).join(" and ");
      throw refuse(`two gateways for ${name}: ${both}`, "give one of each family");
    }
    if (!vips.some((vip) => vip.family === family)) continue;
    if (method === "nat" && given.length === 0) {
      throw refuse(
        `with NAT replies must go back through the director, but no ${name} gateway is given`,
        `name the director's address in the real servers' network: --gateway ${example}`,
      );
    }
    if (method === "dr" && !lan.some(({ addresses }) => addresses.some(({ address }) => address.family === family))) {
      const names = lan.map(({ name: one }) => one).join(", ");
      throw refuse(`a VIP is ${name}, but ${names} has no ${name} address to answer from`, `give the interface an ${name} address first`);
    }
  }
}

function distinct(addresses: readonly Address[]): readonly Address[] {
  return addresses.filter((address, i) => addresses.findIndex((other) => sameAddress(other, address)) === i);
}

function refuse(message: string, cure: string): EvenkeelError {
  return new EvenkeelError("BAD_ARGUMENT", message, { cure });
}

function missing(message: string, known: readonly string[]): EvenkeelError {
  const cure = known.length === 0 ? "this network namespace has no interface but lo" : `--interface takes one of: ${known.join(", ")}`;
  return new EvenkeelError("INTERFACE_MISSING", message, { cure });
}
