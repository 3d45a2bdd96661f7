/**
 * Large states for the control plane to be measured on: a namespace of their own with the addresses they need, a packet path in it, and what
 * is done with it, in this process and by the command.
 */

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import { PacketPath } from "../src/director/packet-path.ts";
import { addAddress } from "../src/kernel/addresses.ts";
import { libbpf } from "../src/kernel/libbpf.ts";
import { addLink, changeLink, getLink } from "../src/kernel/links.ts";
import { inNamespace, inNewNamespace } from "../src/kernel/namespace.ts";
import { writeSysctl } from "../src/kernel/sysctl.ts";
import { systemCallError } from "../src/kernel/system-call.ts";
import { addressFromBytes, formatAddress } from "../src/model/address.ts";
import { EvenkeelError } from "../src/model/error.ts";
import type { RealServer, VirtualService } from "../src/model/service.ts";
import { trafficCodec } from "../src/wire/abi.ts";

export interface Size {
  readonly services: number;
  /** Spread evenly. */
  readonly servers: number;
}

const COMMAND = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const DEVICE = "front";
/** Services stand at so many addresses, with as many ports as are needed. */
const VIRTUAL_ADDRESSES = 250;

/** Each server has an address of its own. */
export function largeState({ services, servers }: Size): readonly VirtualService[] {
  let next = 0;
  return Array.from({ length: services }, (_, i): VirtualService => {
    const count = Math.floor(((i + 1) * servers) / services) - Math.floor((i * servers) / services);
    return {
      address: addressFromBytes(Uint8Array.of(192, 0, 2, 1 + (i % VIRTUAL_ADDRESSES))),
      port: 1 + Math.floor(i / VIRTUAL_ADDRESSES),
      protocol: "tcp",
      scheduler: "wlc",
      servers: Array.from({ length: count }, (): RealServer => {
        const number = next++;
        return {
          address: addressFromBytes(Uint8Array.of(10, 1, number >> 8, number & 0xff)),
          port: 8080,
          weight: 1 + (number % 7),
          method: "nat",
        };
      }),
    };
  });
}

/** A packet path of a namespace of its own. Whoever made it closes it: the pins of one that was killed go with the next apply anywhere. */
export class ControlRig {
  readonly #namespace: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "evenkeel-bench-"));
  readonly #state: readonly VirtualService[];

  constructor(size: Size) {
    this.#state = largeState(size);
    this.#namespace = inNewNamespace(() => {
      writeSysctl("net/ipv4/ip_forward", 1);
      addLink({ kind: "veth", name: DEVICE, peer: { name: "peer" } });
      for (const name of ["lo", DEVICE, "peer"]) changeLink(name, { up: true });
      const { index } = getLink(DEVICE);
      addAddress({ interfaceIndex: index, address: addressFromBytes(Uint8Array.of(10, 0, 0, 1)), prefixLength: 8 });
      for (let i = 1; i <= VIRTUAL_ADDRESSES; i++) {
        addAddress({ interfaceIndex: index, address: addressFromBytes(Uint8Array.of(192, 0, 2, i)), prefixLength: 32 });
      }
      return openSync("/proc/thread-self/ns/net", "r");
    });
    writeFileSync(this.file, yamlOf(this.#state));
  }

  /** Milliseconds to put all of it into an empty packet path. */
  fill(): number {
    return this.inside(() => {
      PacketPath.remove();
      const path = PacketPath.create();
      try {
        const plane = new BpfPlane(path);
        plane.apply({ kind: "attach", attachment: { interfaceName: DEVICE, hook: "tc" } });
        return timed(() => {
          for (const service of this.#state) plane.apply({ kind: "add-service", service });
          plane.tidy();
        });
      } finally {
        path.close();
      }
    });
  }

  /** Milliseconds until another process knows all that stands. */
  open(): number {
    return this.inside(() => {
      let path: PacketPath | undefined;
      try {
        return timed(() => {
          path = openPath();
          new BpfPlane(path).read();
        });
      } finally {
        path?.close();
      }
    });
  }

  /** Milliseconds that one change takes once the plane is open, tidied up behind it. */
  change(kind: "add-server" | "edit-server"): number {
    const { servers, ...service } = this.#state[this.#state.length >> 1] ?? impossible();
    const [first = impossible()] = servers;
    const newcomer = { ...first, port: 9090 };
    const heavier = { ...first, weight: first.weight + 1 };
    return this.#withPlane((plane) => {
      const spent = timed(() => {
        if (kind === "add-server") plane.apply({ kind, service, server: newcomer });
        else plane.apply({ kind, service, before: first, after: heavier });
        plane.tidy();
      });
      if (kind === "add-server") plane.apply({ kind: "delete-server", service, server: newcomer });
      else plane.apply({ kind, service, before: heavier, after: first });
      plane.tidy();
      return spent;
    });
  }

  counters(): number {
    return this.#withPlane((plane) => timed(() => plane.counters()));
  }

  /** Milliseconds to ask for the way to each server again. */
  refreshWays(): number {
    return this.#withPlane((plane) => timed(() => plane.refreshWays()));
  }

  /** Takes the packet path away, for a command that makes one. */
  clear(): void {
    this.inside(() => PacketPath.remove());
  }

  /** Milliseconds of the whole command. */
  command(verb: "apply" | "status"): number {
    return this.inside(() => {
      let failed = "";
      const spent = timed(() => {
        const run = spawnSync(COMMAND, verb === "apply" ? ["apply", this.file] : ["status"], { encoding: "utf8", maxBuffer: 1 << 28 });
        if (run.status !== 0) failed = `exit code ${run.status}: ${run.stderr}`;
      });
      if (failed !== "") throw new EvenkeelError("COMMAND_FAILED", `evenkeel ${verb} failed: ${failed}`);
      return spent;
    });
  }

  close(): void {
    this.clear();
    closeSync(this.#namespace);
    rmSync(this.#directory, { recursive: true });
  }

  /** Its configuration. */
  get file(): string {
    return join(this.#directory, "evenkeel.yaml");
  }

  /** In its namespace; what is started there stays there. */
  inside<T>(work: () => T): T {
    return inNamespace(this.#namespace, work);
  }

  #withPlane<T>(work: (plane: BpfPlane) => T): T {
    return this.inside(() => {
      const path = openPath();
      try {
        return work(new BpfPlane(path));
      } finally {
        path.close();
      }
    });
  }

  /** The floor: as many map updates of a server's size of counters, each by its system call, and nothing else. Milliseconds. */
  updateByCalls(count: number): number {
    return this.inside(() => {
      const path = openPath();
      try {
        const { fd } = path.maps.server_zero;
        const key = new Uint8Array(4);
        const view = new DataView(key.buffer);
        const value = new Uint8Array(trafficCodec.size);
        return timed(() => {
          for (let i = 0; i < count; i++) {
            view.setUint32(0, i, true);
            const result = libbpf.bpf_map_update_elem(fd, key, value, 0);
            if (result < 0) throw systemCallError("write a map", -result);
          }
        });
      } finally {
        path.close();
      }
    });
  }
}

function openPath(): PacketPath {
  return PacketPath.open() ?? impossible();
}

function impossible(): never {
  throw new EvenkeelError("EXPECTATION_FAILED", "the rig has no packet path, or nothing in it");
}

export function yamlOf(services: readonly VirtualService[]): string {
  const lines = services.flatMap(({ address, port, scheduler, servers }) => [
    `  - address: ${formatAddress(address)}`,
    `    port: ${port}`,
    `    scheduler: ${scheduler}`,
    "    method: nat",
    "    servers:",
    ...servers.map((server) => `      - { address: ${formatAddress(server.address)}, port: ${server.port}, weight: ${server.weight} }`),
  ]);
  return ["services:", ...lines, ""].join("\n");
}

function timed(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}
