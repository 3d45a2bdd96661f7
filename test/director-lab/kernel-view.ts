/** What the kernel of the lab's director holds, read past the director. */

import { BpfPlane } from "../../src/director/bpf-plane.ts";
import { PacketPath } from "../../src/director/packet-path.ts";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { namespaceFile } from "../../src/lab/commands.ts";
import { namespaceOf, PORTS, serverAddress } from "../../src/lab/topology.ts";
import type { Family } from "../../src/model/address.ts";
import { formatAddress } from "../../src/model/address.ts";
import type { ActualState, Counters } from "../../src/model/plane.ts";

/** Open as long as it is used: to look takes little then. */
export class KernelView {
  readonly #namespace: string;
  readonly #path: PacketPath;

  constructor(lab: string) {
    this.#namespace = namespaceFile(namespaceOf(lab, "director"));
    const path = inNamespace(this.#namespace, () => PacketPath.open());
    if (path === undefined) throw new Error("there is no packet path");
    this.#path = path;
  }

  state(): ActualState {
    return inNamespace(this.#namespace, () => new BpfPlane(this.#path).read());
  }

  counters(): Counters {
    return inNamespace(this.#namespace, () => new BpfPlane(this.#path).counters());
  }

  /** Whether the web service of the family sends new clients to the server. */
  serves(family: Family, server: string): boolean {
    const address = serverAddress(server)[family];
    const own = this.state().services.flatMap(({ servers }) => servers);
    return own.some((one) => formatAddress(one.address) === address && one.port === PORTS.http && one.weight > 0);
  }

  close(): void {
    this.#path.close();
  }
}

export function readKernel(lab: string): ActualState {
  return looking(lab, (view) => view.state());
}

export function readCounters(lab: string): Counters {
  return looking(lab, (view) => view.counters());
}

export function serves(lab: string, family: Family, server: string): boolean {
  return looking(lab, (view) => view.serves(family, server));
}

function looking<T>(lab: string, look: (view: KernelView) => T): T {
  const view = new KernelView(lab);
  try {
    return look(view);
  } finally {
    view.close();
  }
}
