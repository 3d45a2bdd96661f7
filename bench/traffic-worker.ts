/** A worker thread through which packets flow until it is told to stop, while another reads what they do to the table. */

import { workerData } from "node:worker_threads";
import { inNamespace } from "../src/kernel/namespace.ts";
import { testRunXdp } from "../src/kernel/test-run.ts";

/** Descriptors are the process's, so the other thread's will do. */
export interface TrafficOrder {
  readonly namespace: number;
  /** `restore`, aimed at the director. */
  readonly program: number;
  readonly ifindex: number;
  readonly frame: Uint8Array;
  /** 0: flow; 1: stop. And how many packets flowed. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

const PACKETS_A_CALL = 20_000;

const { namespace, program, ifindex, frame, control } = workerData as TrafficOrder;
inNamespace(namespace, () => {
  while (Atomics.load(control, 0) === 0) {
    testRunXdp(program, frame, { ingressIfindex: ifindex, repeat: PACKETS_A_CALL });
    Atomics.add(control, 1, PACKETS_A_CALL);
  }
});
