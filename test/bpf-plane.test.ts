/** The data plane in the kernel keeps what every data plane promises: on two interfaces of a namespace that lasts for one test. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import { dataPlaneContract, type OpenPlane } from "../src/director/data-plane.contract.ts";
import { PacketPath } from "../src/director/packet-path.ts";
import { addLink, changeLink } from "../src/kernel/links.ts";
import { createNamespace, deleteNamespace, inNamespace } from "../src/kernel/namespace.ts";
import { parseAddress } from "../src/model/address.ts";
import type { ActualState, Change, Counters, Cut, DataPlane, ServiceHead } from "../src/model/plane.ts";
import type { RealServer, SchedulerName, VirtualService } from "../src/model/service.ts";
import { need } from "./need.ts";

/** Gives a plane to work with, in the namespace where it stands. */
type Access = <T>(work: (plane: BpfPlane) => T) => T;

class PlaneElsewhere implements DataPlane {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  read(): ActualState {
    return this.#access((plane) => plane.read());
  }

  apply(change: Change): void {
    this.#access((plane) => plane.apply(change));
  }

  counters(): Counters {
    return this.#access((plane) => plane.counters());
  }

  resetCounters(service?: ServiceHead): void {
    this.#access((plane) => plane.resetCounters(service));
  }

  cutConnections(cut: Cut): Promise<number> {
    return this.#access((plane) => ({ going: plane.cutConnections(cut) })).going;
  }

  /** The opener closes what it opened. */
  close(): void {}
}

/** The contract's servers are nobody's neighbours here. */
const OPTIONS: ConstructorParameters<typeof BpfPlane>[1] = {
  waysTo: (servers) => servers.map((nextHop) => ({ ifindex: 1, mtu: 1500, nextHop, source: undefined })),
};

let count = 0;

function opener(make: (namespace: string, path: PacketPath) => Access): (t: TestContext) => OpenPlane | undefined {
  return (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return undefined;
    const name = `evenkeel-plane-${process.pid}-${++count}`;
    const namespace = createNamespace(name);
    t.after(() => deleteNamespace(name));
    const path = inNamespace(namespace, () => {
      addLink({ kind: "veth", name: "one", peer: { name: "other" } });
      for (const end of ["one", "other"]) changeLink(end, { up: true });
      return PacketPath.create({ connectionsMax: 1000 });
    });
    t.after(() => {
      path.close();
      path.pins.remove();
    });
    return { plane: new PlaneElsewhere(make(namespace, path)), interfaces: ["one", "other"] };
  };
}

dataPlaneContract(
  "BpfPlane",
  opener((namespace, path) => {
    const plane = inNamespace(namespace, () => new BpfPlane(path, OPTIONS));
    return (work) => inNamespace(namespace, () => work(plane));
  }),
);

/** What another process finds: the same state, from maps and pins alone. */
dataPlaneContract(
  "BpfPlane, opened anew for each call,",
  opener((namespace) => (work) => {
    return inNamespace(namespace, () => {
      const path = PacketPath.open();
      if (path === undefined) throw new Error("the packet path is gone");
      let result: unknown;
      try {
        const answer = work(new BpfPlane(path, OPTIONS));
        result = answer;
        return answer;
      } finally {
        // What goes on behind the call needs it a while longer; it needs no namespace.
        if (typeof result === "object" && result !== null && "going" in result)
          void Promise.allSettled([result.going]).then(() => path.close());
        else path.close();
      }
    });
  }),
);

/** With an empty packet path, for as long as the work takes. */
function withPath(t: TestContext, work: (path: PacketPath) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  const name = `evenkeel-plane-${process.pid}-${++count}`;
  const namespace = createNamespace(name);
  try {
    inNamespace(namespace, () => {
      const path = PacketPath.create({ connectionsMax: 1000 });
      try {
        work(path);
      } finally {
        path.close();
        path.pins.remove();
      }
    });
  } finally {
    deleteNamespace(name);
  }
}

test("a hash table is no newcomer's: also another process finds that it is in use, though services without a table stand before it", (t) => {
  withPath(t, (path) => {
    const add = (port: number, scheduler: SchedulerName): number => {
      const plane = new BpfPlane(path, OPTIONS);
      const service = withTwoServers(port, scheduler);
      plane.apply({ kind: "add-service", service });
      return plane.planOf(service);
    };
    add(80, "rr");
    const plan = path.maps.plans.lookup(add(81, "sh"));
    assert.ok(plan !== undefined && plan.bucketCount > 0);
    const table = () => Array.from({ length: plan.bucketCount / 4 }, (_, i) => path.buckets.read(plan.firstBucket / 4 + i));
    const before = table();
    add(82, "mh");
    assert.deepEqual(table(), before);
  });
});

test("the eight-thousandth service takes no longer to add than the thousandth, also with timeouts of its own", (t) => {
  withPath(t, (path) => {
    const plane = new BpfPlane(path, OPTIONS);
    const spent = (first: number): number => {
      const before = process.threadCpuUsage();
      for (let port = first; port < first + 1000; port++) {
        plane.apply({ kind: "add-service", service: { ...withTwoServers(port, "wlc"), timeouts: { tcp: 1 + (port % 20) } } });
      }
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    };
    const [, early = 0, ...others] = Array.from({ length: 8 }, (_, thousand) => spent(1 + thousand * 1000));
    const late = others.at(-1) ?? 0;
    assert.ok(
      late < 1.7 * early,
      `a thousand services took ${early / 1000} ms where there were a thousand, ${late / 1000} ms where there were 7,000`,
    );
  });
});

function withTwoServers(port: number, scheduler: SchedulerName): VirtualService {
  const servers = ["10.77.0.11", "10.77.0.12"].map((text): RealServer => ({ address: parseAddress(text), port, weight: 1, method: "nat" }));
  return { address: parseAddress("192.0.2.10"), port, protocol: "tcp", scheduler, servers };
}
