/**
 * The connection table read and swept while packets change it: SYNs of four million clients in random order meet the established
 * connections of some of them and push each other out. Each entry that is read must be of one client: its port follows from its address.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Connection, ConnectionReader } from "../src/director/connection-reader.ts";
import { Harness, Rig } from "./packet-rig.ts";
import type { TrafficOrder } from "./traffic-worker.ts";

export interface ReadingRequest {
  readonly connectionsMax: number;
  readonly established: number;
  /** How often the whole table is listed and swept. */
  readonly times: number;
}

export interface ReadingResult {
  readonly packets: number;
  readonly read: number;
  /** What is wrong with the entries that no client can have. */
  readonly wrong: readonly string[];
}

const CLIENTS = 1 << 22;
const FIRST_CLIENT = 10 << 24;
const WRONG_MAX = 10;

export async function readUnderTraffic(request: ReadingRequest): Promise<ReadingResult> {
  const { connectionsMax, established, times } = request;
  const harness = new Harness("xdp");
  const rig = new Rig("dr", "ipv4", { connectionsMax });
  const control = new Int32Array(new SharedArrayBuffer(8));
  try {
    if (established > 0) rig.establish(harness, { flows: established, singly: false });
    const frame = rig.frame("new");
    const program = harness.aim(rig.program("xdp"), { frame, order: "random", flows: CLIENTS });
    const order: TrafficOrder = { namespace: rig.namespace, program, ifindex: rig.ifindex, frame, control };
    const worker = new Worker(new URL("traffic-worker.ts", import.meta.url), { workerData: order });
    const ended = once(worker, "exit");
    while (Atomics.load(control, 1) === 0) await Promise.race([new Promise((resolve) => setTimeout(resolve, 2)), ended]);
    const reader = new ConnectionReader(rig.path);
    const wrong: string[] = [];
    let read = 0;
    for (let i = 0; i < times && wrong.length < WRONG_MAX; i++) {
      for (const one of reader.connections()) {
        read++;
        const misfit = misfitOf(one);
        if (misfit !== "") wrong.push(`${misfit}: ${JSON.stringify(one)}`);
      }
      rig.path.sweep();
      reader.count();
    }
    reader.close();
    Atomics.store(control, 0, 1);
    await ended;
    return { packets: Atomics.load(control, 1), read, wrong };
  } finally {
    Atomics.store(control, 0, 1);
    rig.close();
    harness.close();
  }
}

/** As `restore` (bpf/bench.bpf.c) makes its clients. */
function misfitOf({ client, virtual, server, serverNumber, protocol, state, template, parent }: Connection): string {
  const number = new DataView(client.address.bytes.buffer, client.address.bytes.byteOffset).getUint32(0) - FIRST_CLIENT;
  if (number < 0 || number >= CLIENTS) return "the client is nobody's";
  if (client.port !== 1024 + ((number & 0x3f) << 8)) return "the port is not its client's";
  if (virtual.port !== 80 || server.port !== 80 || serverNumber > 2) return "the service or the server is none";
  // NONE: entered, and its first packet is on the way still.
  if (protocol !== "tcp" || !["NONE", "SYN_RECV", "ESTABLISHED"].includes(state) || template || parent !== undefined) return "the state";
  return "";
}
