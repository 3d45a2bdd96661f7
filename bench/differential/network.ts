/**
 * Where scripts are played, inside the emulated machine: clients (10.0.0.0/8), a director with the virtual address, and real servers
 * (192.168.0.0/16), each a namespace; all addresses of a network are its host's own. NAT's replies go back through the director, those of
 * DR and TUN, which have the virtual address as their source, past it.
 */

import { createNamespace, deleteNamespace } from "../../src/kernel/namespace.ts";
import { run } from "../../src/lab/commands.ts";
import { VIRTUAL } from "./script.ts";

export const NODES = ["client", "director", "server"] as const;
export type Node = (typeof NODES)[number];

const CABLES = [
  ["director", "front", "client", "client0"],
  ["director", "back", "server", "server0"],
  ["client", "client1", "server", "server1"],
] as const;

const MAC = { front: 1, client0: 2, back: 3, server0: 4, client1: 5, server1: 6 } as const;

const LINES = {
  client: [
    "addr add 172.31.0.2/24 dev client0",
    "addr add 172.31.2.2/24 dev client1",
    "route add local 10.0.0.0/8 dev lo",
    "route add default via 172.31.0.1",
  ],
  director: [
    "addr add 172.31.0.1/24 dev front",
    "addr add 172.31.1.1/24 dev back",
    `addr add ${VIRTUAL}/32 dev lo`,
    "route add 10.0.0.0/8 via 172.31.0.2",
    "route add 192.168.0.0/16 via 172.31.1.2",
  ],
  server: [
    "addr add 172.31.1.2/24 dev server0",
    "addr add 172.31.2.1/24 dev server1",
    "route add local 192.168.0.0/16 dev lo",
    `addr add ${VIRTUAL}/32 dev lo`,
    "route add default via 172.31.1.1",
    "route add default via 172.31.2.2 table 100",
    `rule add from ${VIRTUAL} lookup 100`,
    "link set tunl0 up",
  ],
} as const satisfies Record<Node, readonly string[]>;

/** No packet waits for a neighbour. */
const NEIGHBOURS = [
  ["client", "172.31.0.1", "front", "client0"],
  ["director", "172.31.0.2", "client0", "front"],
  ["director", "172.31.1.2", "server0", "back"],
  ["server", "172.31.1.1", "back", "server0"],
  ["server", "172.31.2.2", "client1", "server1"],
  ["client", "172.31.2.1", "server1", "client1"],
] as const satisfies readonly (readonly [Node, string, keyof typeof MAC, keyof typeof MAC])[];

const SETTINGS = `
for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done
for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse`;

export class Network {
  readonly #name: string;
  readonly #paths: Readonly<Record<Node, string>>;

  /** `name` tells the namespaces of several apart. */
  constructor(name: string) {
    this.#name = name;
    const paths = NODES.map((node) => [node, createNamespace(this.namespace(node))] as const);
    this.#paths = Object.fromEntries(paths) as Record<Node, string>;
    const mac = (name: keyof typeof MAC) => `02:00:00:00:00:0${MAC[name]}`;
    const cables = CABLES.map(
      ([one, port, other, peer]) =>
        `link add ${port} netns ${this.namespace(one)} address ${mac(port)} type veth peer name ${peer} netns ${this.namespace(other)} address ${mac(peer)}`,
    );
    run("ip", ["-batch", "-"], { input: cables.join("\n") });
    for (const node of NODES) {
      const ports = CABLES.flatMap(([one, port, other, peer]) => (one === node ? [port] : other === node ? [peer] : []));
      const neighbours = NEIGHBOURS.filter(([where]) => where === node);
      const lines = [
        "link set lo up",
        ...ports.map((port) => `link set ${port} up`),
        ...LINES[node],
        ...neighbours.map(([, address, of, port]) => `neigh replace ${address} lladdr ${mac(of)} dev ${port} nud permanent`),
      ];
      run("ip", ["-n", this.namespace(node), "-batch", "-"], { input: lines.join("\n") });
      run("ip", ["netns", "exec", this.namespace(node), "sh", "-e", "-c", SETTINGS]);
    }
  }

  namespace(node: Node): string {
    return `${node}-${this.#name}`;
  }

  path(node: Node): string {
    return this.#paths[node];
  }

  close(): void {
    for (const node of NODES) deleteNamespace(this.namespace(node));
  }
}
