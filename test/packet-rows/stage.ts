/**
 * Where packet rows are played: a namespace with two cables, towards the clients and towards the servers, whose hosts are entries in the
 * neighbour tables; and the packet path loaded but attached to nothing, so that no packet is counted but ours.
 */

import { BpfPlane } from "../../src/director/bpf-plane.ts";
import { PacketPath, type PacketPathOptions } from "../../src/director/packet-path.ts";
import { addAddress } from "../../src/kernel/addresses.ts";
import { bpfObjectPath } from "../../src/kernel/bpf-objects.ts";
import { libc } from "../../src/kernel/libc.ts";
import { addLink, changeLink, getLink } from "../../src/kernel/links.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../../src/kernel/namespace.ts";
import { setNeighbour } from "../../src/kernel/neighbours.ts";
import { loadObject } from "../../src/kernel/object.ts";
import { addRoute } from "../../src/kernel/routes.ts";
import { writeSysctl } from "../../src/kernel/sysctl.ts";
import { testRunTc, testRunXdp } from "../../src/kernel/test-run.ts";
import { attachXdp } from "../../src/kernel/xdp.ts";
import { type Address, formatAddress, parseAddress } from "../../src/model/address.ts";
import { PortFlag } from "../../src/wire/abi.ts";
import { parseMac } from "../../src/wire/ethernet.ts";
import type { Link } from "../../src/wire/netlink-link.ts";

export type Hook = "tc" | "xdp";
export type Side = "front" | "back";

export const SIDES = ["front", "back"] as const satisfies readonly Side[];

const OWN = {
  front: ["198.51.100.254/24", "2001:db8:c::fe/64"],
  back: ["10.77.0.254/24", "fd77::fe/64"],
} as const satisfies Record<Side, readonly string[]>;

/** In either family the same host. */
export const CLIENTS = { ipv4: parseAddress("198.51.100.7"), ipv6: parseAddress("2001:db8:c::7") } as const;

/** Everybody who can be reached, by address. */
const HOSTS = {
  front: { "198.51.100.7": "02:00:00:00:0c:07", "2001:db8:c::7": "02:00:00:00:0c:07" },
  back: Object.fromEntries([1, 2, 3, 100].flatMap((n) => [`10.77.0.${n}`, `fd77::${n}`].map((address) => [address, mac(n)]))),
} as const satisfies Record<Side, Record<string, string>>;

/** Networks behind host 100. */
const ROUTES = [
  { destination: "10.88.0.0", prefixLength: 16, gateway: "10.77.0.100" },
  { destination: "fd88::", prefixLength: 64, gateway: "fd77::100" },
] as const;

export const MTU = 1500;

function mac(n: number): string {
  return `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
}

export interface Arrival {
  readonly hook: Hook;
  readonly side: Side;
  readonly frame: Uint8Array;
  /** tc only: what the frame becomes on the wire. */
  readonly gso?: { readonly size: number; readonly segments: number };
}

/** Of this process, each in a namespace of its own. */
let stages = 0;

export class Stage {
  readonly path: PacketPath;
  /** The interfaces' own MAC addresses. */
  readonly macs: Readonly<Record<Side, Uint8Array>>;
  readonly ifindexes: Readonly<Record<Side, number>>;
  readonly #name: string;
  readonly namespace: string;
  /** Links of programs that do nothing, while the stage stands. */
  readonly #receiving: readonly number[];
  #plane: BpfPlane;

  constructor(options: PacketPathOptions = { connectionsMax: 1000 }) {
    this.#name = `evenkeel-rows-${process.pid}-${++stages}`;
    this.namespace = createNamespace(this.#name);
    try {
      const { links, receiving, path } = this.inside(() => {
        layOut();
        const made = { front: getLink("front"), back: getLink("back") };
        return {
          links: made,
          receiving: SIDES.map((side) => giveReceiveQueue(made[side])),
          path: PacketPath.create({ timer: false, ...options }),
        };
      });
      this.macs = { front: links.front.mac, back: links.back.mac };
      this.ifindexes = { front: links.front.index, back: links.back.index };
      this.#receiving = receiving;
      this.path = path;
    } catch (error) {
      deleteNamespace(this.#name);
      throw error;
    }
    this.#plane = this.inside(() => this.clear());
  }

  get plane(): BpfPlane {
    return this.#plane;
  }

  /** Everything that works on the plane or runs a program does so from inside. */
  inside<T>(work: () => T): T {
    return inNamespace(this.namespace, work);
  }

  /** As on the first day: no service, no server, no connection, nothing counted. */
  clear(): BpfPlane {
    const { path } = this;
    const services = Array.from(path.maps.services.entries(), ([key]) => key);
    for (const key of services) path.maps.services.delete(key);
    const datagrams = Array.from(path.maps.fragments.entries(), ([key]) => key);
    for (const key of datagrams) path.maps.fragments.delete(key);
    // Rows are faster than any budget foresees.
    path.maps.icmp_budget.update(0, { tick: 0, sent: 0 });
    for (const memory of [path.servers, path.serverLoad]) wipe(memory.view);
    for (const name of ["connections", "overflow"] as const) {
      const memory = path.maps[name].map();
      wipe(memory.view);
      memory.close();
    }
    for (let number = 0; number < path.maps.outcomes.maxEntries; number++) path.maps.outcomes.update(number, 0n);
    this.#plane = new BpfPlane(path);
    this.settle();
    return this.#plane;
  }

  /** What follows changes of the plane. Its ports are told to XDP as if it were attached to them. */
  settle(): void {
    this.#plane.tidy();
    const flags = PortFlag.MAC_KNOWN | PortFlag.REDIRECT;
    for (const side of SIDES) this.path.maps.ports.update(this.ifindexes[side], { mac: this.macs[side], flags });
  }

  /** Timeouts in ticks; what is not named keeps its own. The way back is returned. */
  setTimeouts(timeout: (state: number, ticks: number) => number): () => void {
    const before = this.path.settings();
    this.path.maps.settings.update(0, { ...before, timeout: before.timeout.map((ticks, state) => timeout(state, ticks)) });
    return () => this.path.maps.settings.update(0, { ...this.path.settings(), timeout: before.timeout });
  }

  run(arrival: Arrival): { readonly verdict: number; readonly frame: Uint8Array } {
    const { hook, side, frame, gso } = arrival;
    const ifindex = this.ifindexes[side];
    if (hook === "xdp") {
      const { returned, data } = testRunXdp(this.path.xdpProgram, frame, { ingressIfindex: ifindex });
      return { verdict: returned, frame: data };
    }
    const buffer = { ifindex, gsoSize: gso?.size ?? 0, gsoSegments: gso?.segments ?? 0 };
    const { returned, data } = testRunTc(this.path.tcProgram, frame, { buffer });
    return { verdict: returned, frame: data };
  }

  /** On which side a host is, and the MAC address that frames for it get. */
  wayTo(host: Address): { readonly side: Side; readonly mac: Uint8Array } {
    const name = formatAddress(host);
    for (const side of SIDES) {
      const found = (HOSTS[side] as Record<string, string>)[name];
      if (found !== undefined) return { side, mac: parseMac(found) };
    }
    return { side: "back", mac: parseMac(mac(100)) };
  }

  close(): void {
    this.path.close();
    this.path.pins.remove();
    for (const link of this.#receiving) libc.close(link);
    deleteNamespace(this.#name);
  }
}

function layOut(): void {
  writeSysctl("net/ipv4/ip_forward", 1);
  writeSysctl("net/ipv6/conf/all/forwarding", 1);
  changeLink("lo", { up: true });
  for (const side of SIDES) {
    addLink({ kind: "veth", name: side, mtu: MTU, peer: { name: `${side}-far`, mtu: MTU } });
    changeLink(`${side}-far`, { up: true });
    changeLink(side, { up: true });
    const { index } = getLink(side);
    for (const own of OWN[side]) addAddress({ interfaceIndex: index, ...endpoint(own), noDad: true });
    for (const [address, of] of Object.entries(HOSTS[side])) {
      setNeighbour({ interfaceIndex: index, address: parseAddress(address), mac: parseMac(of), state: "permanent" });
    }
  }
  for (const { destination, prefixLength, gateway } of ROUTES) {
    addRoute({ destination: parseAddress(destination), prefixLength, gateway: parseAddress(gateway) });
  }
}

/** A test run with an interface of arrival wants a receive queue that is known to XDP: a veth has one while it runs a program. */
function giveReceiveQueue({ index, name }: Pick<Link, "index" | "name">): number {
  const object = loadObject(bpfObjectPath("pass"));
  try {
    const [program] = object.programs;
    if (program === undefined) throw new Error("pass.o holds no program");
    return attachXdp(program.fd, { ifindex: index, ifname: name }, "native");
  } finally {
    object.close();
  }
}

function endpoint(text: string): { address: Address; prefixLength: number } {
  const [address = "", prefix = ""] = text.split("/");
  return { address: parseAddress(address), prefixLength: Number(prefix) };
}

function wipe(view: DataView): void {
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0);
}
