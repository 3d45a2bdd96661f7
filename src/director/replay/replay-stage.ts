/**
 * Where recorded cases are played on the program in the kernel: a network namespace with one cable, and the packet path loaded there but
 * attached to nothing. Packets go through it by BPF_PROG_TEST_RUN, so nothing is sent, and no packet is counted but ours.
 */

import { addAddress } from "../../kernel/addresses.ts";
import { addLink, changeLink, getLink } from "../../kernel/links.ts";
import type { MappedArray } from "../../kernel/mapped-array.ts";
import type { BpfMap } from "../../kernel/maps.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../../kernel/namespace.ts";
import { addRoute } from "../../kernel/routes.ts";
import { writeSysctl } from "../../kernel/sysctl.ts";
import { testRunTc } from "../../kernel/test-run.ts";
import { type Address, type Family, parseAddress } from "../../model/address.ts";
import type { Settings } from "../../wire/abi.ts";
import { BpfPlane } from "../bpf-plane.ts";
import { PacketPath, type PacketPathOptions } from "../packet-path.ts";
import type { ServerWay } from "../server-way.ts";

const CABLE = "replay";
const MTU = 1500;

/** Nobody's: whatever a recording names is behind the gateway. */
const OWN = {
  ipv4: { address: parseAddress("169.254.255.1"), prefixLength: 30, gateway: parseAddress("169.254.255.2") },
  ipv6: { address: parseAddress("fdff:ffff::1"), prefixLength: 64, gateway: parseAddress("fdff:ffff::2") },
} as const satisfies Record<Family, unknown>;

const ANYWHERE = { ipv4: parseAddress("0.0.0.0"), ipv6: parseAddress("::") } as const;

/** What cases fill, in maps that can be mapped into memory. */
const MAPPED_MAPS = ["servers", "server_load", "connections", "overflow", "candidate_groups"] as const;

export type Verdict = "redirect" | "drop" | "pass";

export class ReplayStage {
  readonly path: PacketPath;
  readonly connections: MappedArray<unknown>;
  readonly namespace: string;
  readonly ifindex: number;
  /** The cable's own: frames that come in are addressed to it. */
  readonly mac: Uint8Array;
  readonly #name: string;
  readonly #fresh: Settings;

  /** `name` tells the namespaces of one process apart. Without the kernel's timer: time passes only when it is told to. */
  constructor(name: string, options: PacketPathOptions = { connectionsMax: 1000 }) {
    this.#name = `evenkeel-${name}-${process.pid}`;
    this.namespace = createNamespace(this.#name);
    try {
      const { link, path } = this.inside(() => {
        layOut();
        return { link: getLink(CABLE), path: PacketPath.create({ timer: false, ...options }) };
      });
      this.path = path;
      this.ifindex = link.index;
      this.mac = link.mac;
      this.#fresh = path.settings();
      this.connections = path.maps.connections.map();
    } catch (error) {
      deleteNamespace(this.#name);
      throw error;
    }
  }

  inside<T>(work: () => T): T {
    return inNamespace(this.namespace, work);
  }

  /** An empty director. */
  clear(): BpfPlane {
    const { maps } = this.path;
    empty(maps.services);
    empty(maps.localities);
    empty(maps.fragments);
    for (const name of MAPPED_MAPS) {
      const memory = maps[name].map();
      new Uint8Array(memory.view.buffer, memory.view.byteOffset, memory.view.byteLength).fill(0);
      memory.close();
    }
    maps.settings.update(0, this.#fresh);
    return this.open();
  }

  /** A director over what is there. */
  open(): BpfPlane {
    return new BpfPlane(this.path, { waysTo: (servers) => servers.map((server) => this.#wayTo(server)) });
  }

  run(frame: Uint8Array, mark: number): { readonly verdict: Verdict; readonly frame: Uint8Array } {
    const { returned, data } = testRunTc(this.path.tcProgram, frame, { buffer: { ifindex: this.ifindex, mark } });
    return { verdict: returned === TC_REDIRECT ? "redirect" : returned === TC_DROP ? "drop" : "pass", frame: data };
  }

  close(): void {
    this.connections.close();
    this.path.close();
    this.path.pins.remove();
    deleteNamespace(this.#name);
  }

  #wayTo({ family }: Address): ServerWay {
    return { ifindex: this.ifindex, mtu: MTU, nextHop: OWN[family].gateway, source: OWN[family].address };
  }
}

function empty<Key>(map: BpfMap<Key, unknown>): void {
  const keys = Array.from(map.entries(), ([key]) => key);
  for (const key of keys) map.delete(key);
}

/** TC_ACT_SHOT, TC_ACT_REDIRECT */
const TC_DROP = 2;
const TC_REDIRECT = 7;

function layOut(): void {
  writeSysctl("net/ipv4/ip_forward", 1);
  writeSysctl("net/ipv6/conf/all/forwarding", 1);
  addLink({ kind: "veth", name: CABLE, mtu: MTU, peer: { name: `${CABLE}-far`, mtu: MTU } });
  changeLink(`${CABLE}-far`, { up: true });
  changeLink(CABLE, { up: true });
  const { index } = getLink(CABLE);
  for (const family of ["ipv4", "ipv6"] as const) {
    const { address, prefixLength, gateway } = OWN[family];
    addAddress({ interfaceIndex: index, address, prefixLength, noDad: true });
    addRoute({ destination: ANYWHERE[family], prefixLength: 0, gateway });
  }
}
