/** A lab as it stands now: asked of the kernel, node by node. */

import { ipJson } from "./ip.ts";
import { openLab } from "./lab.ts";
import { labProcesses, namespaceInode } from "./processes.ts";
import type { Mishap } from "./state.ts";
import { ADDRESSES, type LabOptions, type Pair, topologyOf } from "./topology.ts";

export interface NodeStatus {
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly processes: readonly { readonly pid: number; readonly command: string }[];
  /** Of real servers: whether the server program runs. */
  readonly serves?: boolean;
}

export interface LabStatus extends LabOptions {
  readonly vip: Pair;
  readonly broken: readonly Mishap[];
  readonly nodes: readonly NodeStatus[];
}

interface AddressDump {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

interface RouteDump {
  readonly gateway?: string;
}

export function labStatus(name: string): LabStatus {
  const { options, mishaps } = openLab(name);
  const nodes = topologyOf(options).nodes.map((node) => ({ ...node, inode: namespaceInode(node.namespace) }));
  const processes = labProcesses(name, new Set(nodes.map(({ inode }) => inode)));
  return {
    ...options,
    vip: ADDRESSES.vip,
    broken: mishaps,
    nodes: nodes.map((node) => {
      const here = processes.filter(({ network }) => network === node.inode).map(({ pid, command }) => ({ pid, command }));
      return {
        name: node.name,
        namespace: node.namespace,
        addresses: addressesOf(name, node.name),
        gateways: gatewaysOf(name, node.name),
        processes: here,
        ...(/^rs\d+$/.test(node.name) ? { serves: here.some(({ command }) => command.includes("host-server.ts")) } : {}),
      };
    }),
  };
}

/** Loopback's own and link-local ones say nothing; a VIP on lo does. */
function addressesOf(lab: string, node: string): string[] {
  return (ipJson(lab, node, ["addr", "show"]) as AddressDump[]).flatMap(({ ifname, addr_info }) =>
    addr_info
      .filter(({ local, scope }) => scope !== "link" && local !== "127.0.0.1" && local !== "::1")
      .map(({ local, prefixlen }) => (ifname === "eth0" ? `${local}/${prefixlen}` : `${local}/${prefixlen}@${ifname}`)),
  );
}

function gatewaysOf(lab: string, node: string): string[] {
  return ["-4", "-6"].flatMap((family) =>
    (ipJson(lab, node, [family, "route", "show", "default"]) as RouteDump[]).flatMap(({ gateway }) => gateway ?? []),
  );
}
