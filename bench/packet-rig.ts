/**
 * A director to be measured: its own namespace with one real interface, one service a forwarding method or only one of them, three real
 * servers behind each, the table of its default size. What `restore` (bpf/bench.bpf.c) makes of each packet is said here too.
 */

import { closeSync, openSync } from "node:fs";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import { PacketPath, type PacketPathOptions } from "../src/director/packet-path.ts";
import { addAddress } from "../src/kernel/addresses.ts";
import { bpfObjectPath } from "../src/kernel/bpf-objects.ts";
import { libbpf } from "../src/kernel/libbpf.ts";
import { libc } from "../src/kernel/libc.ts";
import { addLink, changeLink, getLink } from "../src/kernel/links.ts";
import { type BpfMap, bpfMap } from "../src/kernel/maps.ts";
import { inNamespace, inNewNamespace } from "../src/kernel/namespace.ts";
import { setNeighbour } from "../src/kernel/neighbours.ts";
import { type BpfObject, loadObject } from "../src/kernel/object.ts";
import { writeSysctl } from "../src/kernel/sysctl.ts";
import { checkCall, systemCallError } from "../src/kernel/system-call.ts";
import { type TestRun, testRunTc, testRunXdp } from "../src/kernel/test-run.ts";
import { type Family, parseAddress } from "../src/model/address.ts";
import { EvenkeelError } from "../src/model/error.ts";
import type { ForwardingMethod, SchedulerName } from "../src/model/service.ts";
import { type Bench, BenchOrder, benchCodec, MAPS, type MapName, outcomeName, PortFlag } from "../src/wire/abi.ts";
import { u32 } from "../src/wire/codec.ts";
import { memoryPins } from "./memory-pins.ts";
import { TCP_ACK, TCP_SYN, tcpFrame } from "./packet-frame.ts";

export type Hook = "xdp" | "tc";
export type Order = "fixed" | "random" | "next";

const DEVICE = "front";
const ADDRESSES = 3;
const TEMPLATE_BYTES = 74;
/** A multiple of the flows that differ by their port too (bpf/bench.bpf.c). */
const HANDSHAKES_AT_ONCE = 1 << 15;
const CLOCK_THREAD_CPUTIME_ID = 3;

const NUMBERS = {
  ipv4: { own: "198.51.100.1", prefix: 24, virtual: "198.51.100.80", server: (i: number) => `198.51.100.${10 + i}`, client: "10.0.0.0" },
  ipv6: { own: "2001:db8:1::1", prefix: 64, virtual: "2001:db8:1::80", server: (i: number) => `2001:db8:1::a${i}`, client: "2001:db8:c::" },
} as const satisfies Record<Family, unknown>;

export interface RigOptions extends PacketPathOptions {
  /** So many, at three addresses; with another method than NAT no more than three. */
  readonly servers?: number;
  /** 1 each, when left out. */
  readonly weight?: (server: number) => number;
}

/** The wrapper and what it is compared with, loaded once a hook. */
export class Harness {
  readonly hook: Hook;
  readonly empty: number;
  readonly swap: number;
  readonly readLine: number;
  readonly #object: BpfObject;
  readonly #state: BpfMap<number, Bench>;

  /** With so many groups of lines to read from; one when left out. */
  constructor(hook: Hook, groups = 1) {
    this.hook = hook;
    this.#object = loadObject(bpfObjectPath(`bench-${hook}`), { maps: { lines: { maxEntries: groups } } });
    this.empty = this.#object.program("empty").fd;
    this.swap = this.#object.program("swap").fd;
    this.readLine = this.#object.program("read_line").fd;
    this.#state = bpfMap("bench", this.#object.map("bench").fd, u32, benchCodec);
  }

  /** The program behind `restore`, over and over: nanoseconds a packet, with the restoring. */
  measure(rig: Rig, program: number, request: { frame: Uint8Array; order: Order; flows: number; repeat: number }): TestRun {
    const { frame, repeat } = request;
    return rig.run(this.hook, this.aim(program, request), frame, repeat);
  }

  /** The program that sends such packets through the other: for whoever runs it by himself. */
  aim(program: number, request: { frame: Uint8Array; order: Order; flows: number }): number {
    const { frame, order, flows } = request;
    const number = BenchOrder[order.toUpperCase() as Uppercase<Order>];
    this.#state.update(0, { frame: frame.subarray(0, TEMPLATE_BYTES), order: number, length: frame.length, flows, next: 0 });
    const result = libbpf.bpf_map_update_elem(this.#object.map("subject").fd, wordBytes(0), wordBytes(program), 0);
    if (result < 0) throw systemCallError("put the measured program behind the one that restores its packets", -result);
    return this.#object.program("restore").fd;
  }

  /** Nanoseconds to read a random one of so many lines, waited for. */
  measureLine(rig: Rig, lines: number, repeat: number): number {
    this.#state.update(0, { frame: new Uint8Array(TEMPLATE_BYTES), order: 0, length: 0, flows: lines, next: 0 });
    return rig.runTimed(this.hook, this.readLine, rig.frame("established"), repeat);
  }

  close(): void {
    this.#object.close();
  }
}

export class Rig {
  readonly family: Family;
  readonly method: ForwardingMethod;
  readonly ifindex: number;
  readonly #namespace: number;
  readonly #path: PacketPath;
  readonly #plane: BpfPlane;
  readonly #servers: number;
  readonly #mac: Uint8Array;
  /** Programs of other builds, on the same maps. */
  readonly #others: BpfObject[] = [];

  constructor(method: ForwardingMethod, family: Family, options: RigOptions = {}) {
    const { servers: count = ADDRESSES, weight = () => 1, ...pathOptions } = options;
    this.method = method;
    this.family = family;
    const made = inNewNamespace(() => {
      const { own, prefix, server, virtual } = NUMBERS[family];
      if (family === "ipv4") writeSysctl("net/ipv4/ip_forward", 1);
      else writeSysctl("net/ipv6/conf/all/forwarding", 1);
      addLink({ kind: "veth", name: DEVICE, peer: { name: "peer" } });
      for (const name of ["lo", DEVICE, "peer"]) changeLink(name, { up: true });
      const { index, mac } = getLink(DEVICE);
      addAddress({ interfaceIndex: index, address: parseAddress(own), prefixLength: prefix, noDad: true });
      const addresses = Array.from({ length: ADDRESSES }, (_, i) => parseAddress(server(i)));
      for (const [i, address] of addresses.entries()) {
        setNeighbour({ interfaceIndex: index, address, mac: Uint8Array.of(2, 0, 0, 0, 0, i), state: "permanent" });
      }
      const path = PacketPath.create({ timer: false, ...pathOptions }, memoryPins());
      const plane = new BpfPlane(path);
      plane.apply({
        kind: "add-service",
        service: {
          address: parseAddress(virtual),
          port: 80,
          protocol: "tcp",
          scheduler: "rr",
          servers: Array.from({ length: count }, (_, i) => ({
            address: addresses[i % ADDRESSES] ?? parseAddress(server(0)),
            port: (method === "nat" ? 8080 : 80) + Math.floor(i / ADDRESSES),
            weight: weight(i),
            method,
          })),
        },
      });
      path.maps.ports.update(index, { mac, flags: PortFlag.MAC_KNOWN });
      return { namespace: openSync("/proc/thread-self/ns/net", "r"), path, plane, index, mac };
    });
    this.#namespace = made.namespace;
    this.#path = made.path;
    this.#plane = made.plane;
    this.#servers = count;
    this.ifindex = made.index;
    this.#mac = made.mac;
  }

  /** A descriptor of it. */
  get namespace(): number {
    return this.#namespace;
  }

  /** For what reads and sweeps the table; closed with the rig. */
  get path(): PacketPath {
    return this.#path;
  }

  /** The service chooses by another scheduler from now on, with the same servers. */
  reschedule(scheduler: SchedulerName): void {
    inNamespace(this.#namespace, () => {
      const before = this.#plane.read().services[0];
      if (before !== undefined) this.#plane.apply({ kind: "edit-service", before, after: { ...before, scheduler } });
    });
  }

  /** Where the service's plan is now. */
  planNumber(): number {
    const [service] = this.#plane.read().services;
    if (service === undefined) throw new EvenkeelError("EXPECTATION_FAILED", "the rig has no service");
    return this.#plane.planOf(service);
  }

  program(hook: Hook): number {
    return hook === "xdp" ? this.#path.xdpProgram : this.#path.tcProgram;
  }

  /** The director of another build (its directory of objects), on this rig's maps. */
  programOf(build: string, hook: Hook): number {
    const names = Object.keys(MAPS) as MapName[];
    const maps = Object.fromEntries(names.map((name) => [name, { reuseFd: this.#path.maps[name].fd }]));
    const object = loadObject(`${build}/director-${hook}.o`, { maps });
    this.#others.push(object);
    return object.program("director").fd;
  }

  frame(kind: "new" | "established", flow = 0): Uint8Array {
    const { client, virtual } = NUMBERS[this.family];
    const address = parseAddress(client);
    const view = new DataView(address.bytes.buffer);
    const at = this.family === "ipv4" ? 0 : 12;
    view.setUint32(at, view.getUint32(at) + flow);
    return tcpFrame({
      destinationMac: this.#mac,
      sourceMac: Uint8Array.of(2, 0, 0, 0, 1, 1),
      client: address,
      clientPort: 1024 + ((flow & 0x3f) << 8),
      virtual: parseAddress(virtual),
      virtualPort: 80,
      tcpFlags: kind === "new" ? TCP_SYN : TCP_ACK,
    });
  }

  run(hook: Hook, program: number, frame: Uint8Array, repeat: number): TestRun {
    return inNamespace(this.#namespace, () =>
      hook === "xdp"
        ? testRunXdp(program, frame, { ingressIfindex: this.ifindex, repeat })
        : testRunTc(program, frame, { buffer: { ifindex: this.ifindex }, repeat }),
    );
  }

  /**
   * As run(), but to fractions of a nanosecond: by our own processor time, since a call for XDP also waits for some ticks; the time of
   * an all but empty call is taken off.
   */
  runTimed(hook: Hook, program: number, frame: Uint8Array, repeat: number): number {
    const timed = (times: number) => {
      const begun = threadTimeNs();
      this.run(hook, program, frame, times);
      return threadTimeNs() - begun;
    };
    const call = timed(2);
    return (timed(repeat) - call) / repeat;
  }

  /** Nanoseconds of each of so many calls with one packet each. */
  runSingly(hook: Hook, program: number, request: { order: Order; flows: number; runs: number }): number[] {
    const { order, flows, runs } = request;
    return Array.from({ length: runs }, (_, i) => {
      const flow = order === "fixed" ? 0 : order === "next" ? i : Math.floor(Math.random() * flows);
      return this.run(hook, program, this.frame(order === "next" ? "new" : "established", flow), 1).durationNs;
    });
  }

  /** Handshakes of so many flows; afterwards the table holds them and nothing else. */
  establish(harness: Harness, request: { flows: number; singly: boolean }): void {
    const { flows, singly } = request;
    const program = this.program(harness.hook);
    this.clear();
    // Not all SYNs first: so many half-open connections would begin to push each other out.
    for (let first = 0; first < flows; first += HANDSHAKES_AT_ONCE) {
      const number = Math.min(HANDSHAKES_AT_ONCE, flows - first);
      for (const kind of ["new", "established"] as const) {
        if (singly) for (let i = 0; i < number; i++) this.run(harness.hook, program, this.frame(kind, first + i), 1);
        else harness.measure(this, program, { frame: this.frame(kind, first), order: "next", flows: number, repeat: number });
      }
    }
    const { live } = this.#path.sweep();
    if (live === flows) return;
    throw new EvenkeelError("EXPECTATION_FAILED", `${flows} handshakes (${this.method}, ${this.family}) left ${live} connections`, {
      facts: { outcomes: this.outcomesText() },
    });
  }

  /** No connections any more. */
  clear(): void {
    for (const name of ["connections", "overflow"] as const) {
      const memory = this.#path.maps[name].map();
      new Uint8Array(memory.view.buffer).fill(0);
      memory.close();
    }
    for (let i = 0; i < this.#servers; i++)
      this.#path.serverLoad.write(i, { ...this.#path.serverLoad.read(i), active: 0, total: 0, persistent: 0, flags: 0 });
  }

  /** What the director made of packets that it did not forward. */
  outcomesText(): string {
    return [...this.#path.maps.outcomes.entries()]
      .filter(([, count]) => count > 0n)
      .map(([outcome, count]) => `${outcomeName[outcome] ?? outcome} ${count}`)
      .join(", ");
  }

  /** Packets that the director says it forwarded. */
  forwarded(): number {
    let packets = 0;
    for (let i = 0; i < this.#servers; i++) packets += Number(this.#path.maps.server_traffic.lookup(i)?.packetsIn ?? 0n);
    return packets;
  }

  close(): void {
    for (const object of this.#others) object.close();
    this.#path.close();
    this.#path.pins.remove();
    closeSync(this.#namespace);
  }
}

/** Nanoseconds that this thread has run. */
function threadTimeNs(): number {
  const time = new BigInt64Array(2);
  checkCall(libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, new Uint8Array(time.buffer)), "read the thread's processor time");
  return Number((time[0] ?? 0n) * 1_000_000_000n + (time[1] ?? 0n));
}

function wordBytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
