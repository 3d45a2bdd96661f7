/** A worker thread that sends the packets of a crowd through the program, while another does the same on the other CPU. */

import { workerData } from "node:worker_threads";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { testRunTc } from "../../src/kernel/test-run.ts";
import { crowd } from "./crowd.ts";

/** What a sender is told. Descriptors are the process's, so the other thread's will do. */
export interface SenderOrder {
  readonly namespace: string;
  readonly program: number;
  readonly ifindex: number;
  readonly mac: Uint8Array;
  readonly seed: number;
  readonly flows: number;
  readonly tcpFlags: number;
  /** Both begin when the word is no longer zero. */
  readonly start: Int32Array<SharedArrayBuffer>;
}

const { namespace, program, ifindex, mac, seed, flows, tcpFlags, start } = workerData as SenderOrder;
const people = crowd(seed, mac);
inNamespace(namespace, () => {
  Atomics.add(start, 1, 1);
  Atomics.notify(start, 1);
  Atomics.wait(start, 0, 0);
  for (let flow = 0; flow < flows; flow++) testRunTc(program, people.frame(flow, tcpFlags), { buffer: { ifindex } });
});
