/** A worker thread that sends packets of many flows through the program, in an order of its own, until it is told to stop. */

import { workerData } from "node:worker_threads";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { testRunTc } from "../../src/kernel/test-run.ts";
import { randomFrom } from "../random.ts";

/** What a client is told. Descriptors are the process's, so the other thread's will do. */
export interface BusyClientOrder {
  readonly namespace: string;
  readonly program: number;
  readonly ifindex: number;
  readonly seed: number;
  readonly packets: readonly { readonly frame: Uint8Array; readonly mark: number }[];
  /** [0]: stop when it is not zero. [1]: how many packets were sent. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

const { namespace, program, ifindex, seed, packets, control } = workerData as BusyClientOrder;
const random = randomFrom(seed);
inNamespace(namespace, () => {
  while (Atomics.load(control, 0) === 0) {
    for (let i = 0; i < 100; i++) {
      const packet = packets[Math.floor(random() * packets.length)];
      if (packet !== undefined) testRunTc(program, packet.frame, { buffer: { ifindex, mark: packet.mark } });
    }
    Atomics.add(control, 1, 100);
  }
});
