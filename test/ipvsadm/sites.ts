/** The three sites of every LVS tutorial, for NAT, DR and TUN: addresses, routes and sysctls as a tutorial's reader types them; no service yet. */

import type { Family } from "../../src/model/address.ts";
import type { Host, Hosts } from "./hosts.ts";

export const SERVERS = 3;

/** What is typed in one family: addresses as they stand in ipvsadm's arguments and in a URL. */
export interface Tongue {
  readonly family: Family;
  readonly client: string;
  readonly vip: string;
  /** RIPs of the real servers. */
  readonly servers: readonly string[];
}

export interface Site {
  readonly hosts: Hosts;
  readonly client: Host;
  readonly director: Host;
  readonly realServers: readonly Host[];
  readonly tongues: readonly Tongue[];
}

/**
 *   client ── switch ── director ── switch ── rs1, rs2, rs3
 */
export async function natSite(hosts: Hosts): Promise<Site> {
  const [front, back] = [await hosts.addSwitch("front"), await hosts.addSwitch("back")];
  const { client, director, realServers } = addHosts(hosts);
  await hosts.plug(client, "eth0", front);
  await hosts.plug(director, "eth0", front);
  await hosts.plug(director, "eth1", back);
  await client.type(
    "ip addr add 192.168.1.254/24 dev eth0",
    "ip addr add fd00:1::254/64 dev eth0", //
  );
  await director.type(
    "ip addr add 192.168.1.1/24 dev eth0",
    "ip addr add 192.168.1.110/32 dev eth0",
    "ip addr add 10.1.1.1/24 dev eth1",
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "ip addr add fd00:1::1/64 dev eth0",
    "ip addr add fd00:1::110/128 dev eth0",
    "ip addr add fd00:10::1/64 dev eth1",
    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
  );
  for (const [i, server] of realServers.entries()) {
    await hosts.plug(server, "eth0", back);
    await server.type(
      `ip addr add 10.1.1.1${i + 1}/24 dev eth0`,
      "ip route add default via 10.1.1.1",
      `ip addr add fd00:10::1${i + 1}/64 dev eth0`,
      "ip route add default via fd00:10::1",
    );
  }
  await serve(hosts, realServers);
  return { hosts, client, director, realServers, tongues: tongues("10.1.1.1", "fd00:10::1") };
}

/**
 *   client, director, rs1, rs2, rs3 on one switch; the director does not forward
 */
export async function oneNetworkSite(hosts: Hosts): Promise<Site> {
  const lan = await hosts.addSwitch("lan");
  const { client, director, realServers } = addHosts(hosts);
  for (const [host, number] of [[client, 254], [director, 1], ...realServers.map((server, i) => [server, 11 + i] as const)] as const) {
    await hosts.plug(host, "eth0", lan);
    await host.type(`ip addr add 192.168.1.${number}/24 dev eth0`, `ip addr add fd00:1::${number}/64 dev eth0`);
  }
  await director.type(
    "ip addr add 192.168.1.110/32 dev eth0",
    "ip addr add fd00:1::110/128 dev eth0", //
  );
  await serve(hosts, realServers);
  return { hosts, client, director, realServers, tongues: tongues("192.168.1.1", "fd00:1::1") };
}

/** A real server of DR as every tutorial has it. */
export const HIDDEN_VIP = [
  "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore",
  "echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce",
  "ip addr add 192.168.1.110/32 dev lo",
  "ip addr add fd00:1::110/128 dev lo",
] as const;

function addHosts(hosts: Hosts): { client: Host; director: Host; realServers: Host[] } {
  const [client, director] = [hosts.add("client"), hosts.add("director")];
  return { client, director, realServers: Array.from({ length: SERVERS }, (_, i) => hosts.add(`rs${i + 1}`)) };
}

async function serve(hosts: Hosts, servers: readonly Host[]): Promise<void> {
  for (const server of servers) for (const port of [80, 8080]) await hosts.serve(server, port);
}

function tongues(server4: string, server6: string): Tongue[] {
  const numbers = Array.from({ length: SERVERS }, (_, i) => i + 1);
  return [
    { family: "ipv4", client: "192.168.1.254", vip: "192.168.1.110", servers: numbers.map((i) => `${server4}${i}`) },
    { family: "ipv6", client: "[fd00:1::254]", vip: "[fd00:1::110]", servers: numbers.map((i) => `[${server6}${i}]`) },
  ];
}
