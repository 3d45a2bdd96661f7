/**
 * How a TUN server gets at what is inside: by the kernel's tunnel devices or by our own eBPF program at tc ingress.
 *
 * Left to itself ("auto") it takes the devices where they stand already and cover every kind of tunnel that can come (the
 * VIPs' families times the LAN's), and else the program. A device is not brought in by loading its module: it would appear in
 * every namespace, could not be taken away again as it came, and unwraps whatever it is sent, while the program unwraps
 * packets to the VIPs only. No device that comes by itself unwraps IPv4 in IPv6: ip6tnl0 takes IPv6 alone.
 */

import { type Address, type Family, formatAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { type HostInterface, isLinkLocal, type Machine } from "./host.ts";
import type { Settled, TunnelEnd } from "./options.ts";
import { type Finding, type Requirement, requireValue } from "./requirement.ts";
import { reversePathRequirements } from "./reverse-path.ts";
import { ABSENT, PRESENT, type Setting, tunnelValue } from "./setting.ts";

interface TunnelKind {
  readonly inner: Family;
  readonly outer: Family;
  readonly name: string;
  readonly device?: string;
}

const TUNNEL_KINDS: readonly TunnelKind[] = [
  { inner: "ipv4", outer: "ipv4", name: "IPv4 in IPv4", device: "tunl0" },
  { inner: "ipv6", outer: "ipv4", name: "IPv6 in IPv4", device: "sit0" },
  { inner: "ipv4", outer: "ipv6", name: "IPv4 in IPv6" },
  { inner: "ipv6", outer: "ipv6", name: "IPv6 in IPv6", device: "ip6tnl0" },
];

export function decapsulationRequirements(settled: Settled, machine: Machine): readonly Requirement[] {
  const kinds = kindsToExpect(settled);
  return chooseDevices(settled, kinds, machine) ? deviceRequirements(kinds, settled.vips) : programRequirements(settled, machine);
}

/** The real server's own addresses that a director can send tunnel packets to. */
export function tunnelEndpoints(lan: readonly HostInterface[]): readonly Address[] {
  return lan.flatMap(({ addresses }) => addresses.map(({ address }) => address)).filter((address) => !isLinkLocal(address));
}

function kindsToExpect({ vips, lan }: Settled): readonly TunnelKind[] {
  const endpoints = tunnelEndpoints(lan);
  const has = (addresses: readonly Address[], family: Family): boolean => addresses.some((address) => address.family === family);
  return TUNNEL_KINDS.filter(({ inner, outer }) => has(vips, inner) && has(endpoints, outer));
}

function chooseDevices({ decapsulation, tunnel }: Settled, kinds: readonly TunnelKind[], machine: Machine): boolean {
  if (decapsulation === "bpf" || tunnel.type !== "ipip") return false;
  const without = kinds.filter(({ device }) => device === undefined);
  if (decapsulation === "auto") {
    // A device that appears while our program runs is no reason to change over.
    if (machine.read({ kind: "decapsulation-program" }) === PRESENT) return false;
    return (
      without.length === 0 &&
      kinds.every(({ device }) => device !== undefined && machine.read({ kind: "tunnel-device", name: device }) !== ABSENT)
    );
  }
  if (kinds.every(({ device }) => device === undefined) || (without.length > 0 && !kinds.some(({ outer }) => outer === "ipv4"))) {
    const names = without.map(({ name }) => name).join(", ");
    throw new EvenkeelError("BAD_ARGUMENT", `no tunnel device of the kernel unwraps ${names} by itself`, { cure: "use --decap bpf" });
  }
  return true;
}

function deviceRequirements(kinds: readonly TunnelKind[], vips: readonly Address[]): readonly Requirement[] {
  const devices = kinds.filter((kind): kind is TunnelKind & { device: string } => kind.device !== undefined);
  const up = devices.map(({ name, device }) =>
    requireValue({
      name: `${device} unwraps ${name}`,
      setting: { kind: "tunnel-device", name: device },
      wanted: "up",
      evidence: (value) => (value === "up" ? `${device} is up` : `${device} is ${value}: ${name} is not unwrapped`),
    }),
  );
  const withIpv4 = devices.filter(({ inner }) => inner === "ipv4").map(({ device }) => device);
  const vip = vips.find(({ family }) => family === "ipv4");
  const addresses = vip === undefined ? [] : withIpv4.map((device) => deviceAddress(device, formatAddress(vip)));
  return [...up, ...addresses, ...reversePathRequirements(withIpv4)];
}

/**
 * Even loose reverse-path filtering drops whatever comes in by an interface that has no IPv4 address at all
 * (__fib_validate_source(), no_addr). The VIP is as good as any, and a tunnel device has no neighbours to tell of it.
 */
function deviceAddress(device: string, vip: string): Requirement {
  const check = (machine: Machine): Finding => {
    const own = machine.host().interfaces.find(({ name }) => name === device);
    const address = own?.addresses.find((one) => one.address.family === "ipv4");
    if (address !== undefined) return { holds: true, evidence: `${device} has ${formatAddress(address.address)}` };
    return { holds: false, evidence: `${device} has none: with any rp_filter but 0 what it unwraps is dropped` };
  };
  const setting: Setting = { kind: "tunnel-address", interfaceName: device, address: vip };
  return { name: `${device} has an IPv4 address`, check, remedy: { setting, wanted: PRESENT, needed: (machine) => !check(machine).holds } };
}

/** In an order in which no packet meets a program that knows half of its addresses. */
function programRequirements({ lan, vips, tunnel }: Settled, machine: Machine): readonly Requirement[] {
  return [
    requireValue({
      name: "eBPF decapsulation is loaded",
      setting: { kind: "decapsulation-program" },
      wanted: PRESENT,
      evidence: (value) => (value === PRESENT ? unwrapped(machine) : "it is not loaded: tunnel packets are not unwrapped"),
    }),
    ...tunnelEndpoints(lan).map((address) => endpointRequirement(address, tunnel)),
    ...vips.map(vipRequirement),
    ...lan.map(({ name }) =>
      requireValue({
        name: `eBPF decapsulation is on ${name}`,
        setting: { kind: "decapsulation-attachment", interfaceName: name },
        wanted: PRESENT,
        evidence: (value) => (value === PRESENT ? `attached to ${name}` : `not attached to ${name}: what comes in there stays wrapped`),
      }),
    ),
  ];
}

function endpointRequirement(address: Address, tunnel: TunnelEnd): Requirement {
  const text = formatAddress(address);
  const wanted = tunnelValue(tunnel);
  return requireValue({
    name: `${text} ends ${tunnel.type === "ipip" ? "tunnels" : `${tunnel.type.toUpperCase()} tunnels`}`,
    setting: { kind: "decapsulation-address", map: "decap_endpoints", address: text },
    wanted,
    evidence: (value) =>
      value === wanted ? "tunnels to it are taken" : value === ABSENT ? "tunnels to it are not taken" : `it takes ${value}, not ${wanted}`,
  });
}

function vipRequirement(address: Address): Requirement {
  const text = formatAddress(address);
  return requireValue({
    name: `${text} is unwrapped`,
    setting: { kind: "decapsulation-address", map: "decap_vips", address: text },
    wanted: PRESENT,
    evidence: (value) => (value === PRESENT ? "packets to it are unwrapped" : "packets to it stay wrapped"),
  });
}

function unwrapped(machine: Machine): string {
  const counters = Object.entries(machine.decapsulationCounters() ?? {});
  const packets = counters.filter(([name]) => name.includes("_IN_")).reduce((sum, [, count]) => sum + count, 0n);
  const dropped = counters.filter(([name]) => name.startsWith("DROP_")).reduce((sum, [, count]) => sum + count, 0n);
  return dropped === 0n ? `${packets} packets unwrapped` : `${packets} packets unwrapped, ${dropped} dropped`;
}
