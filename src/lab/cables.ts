/**
 * Builds a topology: namespaces, cables, addresses, routes and the sysctls of the network itself. The real servers are left as a data
 * centre hands them over: what a forwarding method asks of them is the business of `evenkeel realserver`.
 */

import { ipBatch, setSysctls, shell } from "./ip.ts";
import { ADDRESSES, type Cable, FRONT, LAN, type LabOptions, type Node, namespaceOf, sides, type Topology } from "./topology.ts";
import { receiveFromXdp } from "./xdp-peers.ts";

const BRIDGE = "lan";

/** Namespaces and everything in them; the director has no VIP yet. */
export function build(topology: Topology, options: Pick<LabOptions, "offload" | "hook">): void {
  ipBatch(
    topology.lab,
    undefined,
    topology.nodes.map((node) => `netns add ${node.namespace}`),
  );
  for (const node of topology.nodes) setSysctls(topology.lab, node.name, sysctlsOf(node));
  layCables(topology);
  for (const node of topology.nodes) ipBatch(topology.lab, node.name, node.name === "switch" ? switchLines(topology) : nodeLines(node));
  const wireLike = options.offload ? wiresBehindXdp(topology, options.hook) : topology.cables.flatMap(ends);
  setOffloadsOff(topology, wireLike);
  if (options.hook === "xdp") receiveFromXdp(topology.lab, directorPeers(topology));
}

/** The VIP stands where the method wants it and the router looks for it there. */
export function placeVip(options: Pick<LabOptions, "name" | "method">): void {
  const { ipv4, ipv6 } = ADDRESSES.vip;
  const { vipPort, routerPort } = sides(options.method);
  const otherPort = vipPort === FRONT ? LAN : FRONT;
  ipBatch(options.name, "director", [
    // Unlike "del", "flush" is content when there is nothing.
    `addr flush dev ${otherPort} to ${ipv4}/32`,
    `addr flush dev ${otherPort} to ${ipv6}/128`,
    `addr replace ${ipv4}/32 dev ${vipPort}`,
    `addr replace ${ipv6}/128 dev ${vipPort} nodad`,
  ]);
  ipBatch(options.name, "router", [
    `route replace ${ipv4}/32 dev ${routerPort} src ${routerPort === "eth1" ? ADDRESSES.routerFront.ipv4 : ADDRESSES.routerLan.ipv4}`,
    `route replace ${ipv6}/128 dev ${routerPort}`,
    ...forgetVipLines(),
  ]);
}

/** The router asks anew who has the VIP. */
export function forgetVipNeighbour(lab: string): void {
  ipBatch(lab, "router", forgetVipLines());
}

function forgetVipLines(): string[] {
  return ["eth1", "eth2"].flatMap((device) => [
    `neigh flush to ${ADDRESSES.vip.ipv4} dev ${device}`,
    `neigh flush to ${ADDRESSES.vip.ipv6} dev ${device}`,
  ]);
}

/** Written before any device exists, so that each device is born with them. */
function sysctlsOf(node: Node): Record<string, string> {
  const quietIpv6 = {
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
  };
  if (!node.forwards) return quietIpv6;
  return {
    ...quietIpv6,
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    // A reply of DR or TUN comes from the VIP out of the LAN; strict routers would take that for a forgery.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
  };
}

/**
 * Made from one end with the other end born in its own namespace: nothing passes through ours. The ends get different indexes: with
 * equal ones, possible in two namespaces, the kernel may take a second to notice the carrier (linkwatch_urgent_event()), and until
 * then IPv6 is deaf.
 */
function layCables(topology: Topology): void {
  const numbered = topology.cables.map((cable, i) => ({ ...cable, index: 2 * i + 10 }));
  for (const [node, cables] of Map.groupBy(numbered, (cable) => cable.from.node)) {
    const lines = cables.map(({ from, to, index }) => {
      const peer = `peer name ${to.port} index ${index + 1} netns ${namespaceOf(topology.lab, to.node)}`;
      return `link add ${from.port} index ${index} type veth ${peer}`;
    });
    ipBatch(topology.lab, node, lines);
  }
}

function nodeLines(node: Node): string[] {
  return [
    "link set lo up",
    ...node.ports.flatMap((port) => [
      ...port.addresses.map((address, i) => `addr add ${address} dev ${port.name}${address.includes(":") ? ipv6Words(i) : ""}`),
      `link set ${port.name} up`,
    ]),
    ...(node.gateway === undefined ? [] : [`route add default via ${node.gateway.ipv4}`, `route add default via ${node.gateway.ipv6}`]),
  ];
}

/** Of several addresses nobody takes another than the first pair unasked (IPv4 does so by itself). */
function ipv6Words(i: number): string {
  return i < 2 ? " nodad" : " nodad preferred_lft 0";
}

function switchLines(topology: Topology): string[] {
  const ports = topology.cables.filter((cable) => cable.from.node === "switch").map((cable) => cable.from.port);
  return [
    // Without snooping, neighbour solicitations reach everybody at once.
    `link add ${BRIDGE} type bridge stp_state 0 mcast_snooping 0`,
    `link set ${BRIDGE} up`,
    ...ports.map((port) => `link set ${port} master ${BRIDGE} up`),
  ];
}

/** XDP sees what a local stack left to be finished by hardware that a veth does not have; so the wires to the director finish it. */
function wiresBehindXdp(topology: Topology, hook: LabOptions["hook"]): Cable["from"][] {
  return hook === "xdp" || hook === "xdp-generic" ? directorPeers(topology) : [];
}

function directorPeers(topology: Topology): Cable["from"][] {
  return topology.cables.filter((cable) => cable.to.node === "director").map((cable) => cable.from);
}

function ends(cable: Cable): Cable["from"][] {
  return [cable.from, cable.to];
}

function setOffloadsOff(topology: Topology, ports: readonly Cable["from"][]): void {
  for (const [node, list] of Map.groupBy(ports, (port) => port.node))
    shell(
      topology.lab,
      node,
      list.map(({ port }) => `ethtool -K ${port} tx off`),
    );
}
