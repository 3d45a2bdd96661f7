/**
 * The network of the bench, inside the emulated machine, made anew for each forwarder:
 *
 *   client (client0) -- (front) director (back) -- (server0) server
 *
 * Numbers and MAC addresses of the interfaces are fixed, so that every run counts the same instructions and the programs of ends.bpf.c
 * know where to send. Neighbours are permanent and IPv6 is off: no packet is on the way but those that are counted.
 */

import { run } from "../../src/lab/commands.ts";
import { ENDS } from "./tools.ts";

export type Node = "client" | "director" | "server";
export type Port = keyof typeof PORTS;

const PORTS = {
  client0: { node: "client", index: 11 },
  front: { node: "director", index: 12 },
  back: { node: "director", index: 13 },
  server0: { node: "server", index: 14 },
} as const satisfies Record<string, { node: Node; index: number }>;

const NODES: readonly Node[] = ["client", "director", "server"];

export const CLIENT = "10.50.0.1";
export const VIRTUAL = "10.60.0.1";
export const SERVERS = ["172.30.1.2", "172.30.1.3"] as const;

const SETTINGS = `
for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done
for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done
echo 1 > /proc/sys/net/ipv4/ip_forward`;

export function standUp(): void {
  for (const node of NODES) command("ip", ["netns", "add", node]);
  const end = (name: Port) => `netns ${PORTS[name].node} index ${PORTS[name].index} address ${macOf(name)}`;
  command(
    "ip",
    ["-batch", "-"],
    `link add client0 ${end("client0")} type veth peer name front ${end("front")}
     link add back ${end("back")} type veth peer name server0 ${end("server0")}`,
  );
  configure("client", ["link set client0 up", `addr add ${CLIENT}/24 dev client0`, "route add default via 10.50.0.254"]);
  configure("director", [
    "link set front up",
    "link set back up",
    "addr add 10.50.0.254/24 dev front",
    "addr add 172.30.1.254/24 dev back",
    `addr add ${VIRTUAL}/32 dev lo`,
    `neigh replace ${CLIENT} lladdr ${macOf("client0")} dev front nud permanent`,
    ...SERVERS.map((server) => `neigh replace ${server} lladdr ${macOf("server0")} dev back nud permanent`),
  ]);
  configure("server", [
    "link set server0 up",
    ...SERVERS.map((server) => `addr add ${server}/24 dev server0`),
    "route add default via 172.30.1.254",
  ]);
  for (const node of NODES) inNode(node, ["sh", "-e", "-c", SETTINGS]);
}

export function standDown(): void {
  for (const node of NODES) command("ip", ["netns", "del", node]);
}

/** Without an end in time: the emulated clock leaps to the next timer whenever the machine waits for its disk. */
export function command(program: string, words: readonly string[], input = ""): string {
  return run(program, words, { input, timeoutMs: 0 });
}

export function inNode(node: Node, words: readonly string[]): string {
  return command("ip", ["netns", "exec", node, ...words]);
}

export function macOf(port: Port): string {
  return `02:00:00:00:00:${PORTS[port].index.toString(16).padStart(2, "0")}`;
}

/** Packets end here, or take the shortest way on. */
export function attachTc(port: Port, program: "sink" | "redirect" | "redirect_neigh"): void {
  const tc = (...words: string[]) => inNode(PORTS[port].node, ["tc", ...words]);
  tc("qdisc", "add", "dev", port, "clsact");
  tc("filter", "add", "dev", port, "ingress", "bpf", "da", "obj", ENDS, "sec", `tc_${program}`);
}

export function attachXdp(port: Port, program: "sink" | "redirect"): void {
  inNode(PORTS[port].node, ["ip", "link", "set", "dev", port, "xdpdrv", "obj", ENDS, "sec", `xdp_${program}`]);
}

/** A veth takes frames of XDP only when it has a queue of its own, by a program or by GRO. */
export function receiveFrames(port: Port): void {
  inNode(PORTS[port].node, ["ethtool", "-K", port, "gro", "on"]);
}

export function received(port: Port): number {
  const answer: unknown = JSON.parse(inNode(PORTS[port].node, ["ip", "-s", "-j", "link", "show", port]));
  const [link] = answer as readonly { readonly stats64: { readonly rx: { readonly packets: number } } }[];
  if (link === undefined) throw new Error(`no interface ${port}`);
  return link.stats64.rx.packets;
}

function configure(node: Node, lines: readonly string[]): void {
  command("ip", ["-n", node, "-batch", "-"], ["link set lo up", ...lines].join("\n"));
}
