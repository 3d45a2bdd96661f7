/** Two of sender.ts, one for each CPU. */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SenderOrder } from "./sender.ts";
import type { Stage } from "./stage.ts";

/** Two threads send the same packets in the same order, as nearly at the same time as can be had. */
export async function sendTwice(stage: Stage, seed: number, what: Pick<SenderOrder, "flows" | "tcpFlags">): Promise<void> {
  const start = new Int32Array(new SharedArrayBuffer(8));
  const order: SenderOrder = {
    ...what,
    namespace: stage.namespace,
    program: stage.path.tcProgram,
    ifindex: stage.ifindexes.front,
    mac: stage.macs.front,
    seed,
    start,
  };
  const senders = [1, 2].map(() => new Worker(new URL("sender.ts", import.meta.url), { workerData: order }));
  const ended = Promise.all(senders.map((sender) => once(sender, "exit")));
  const failed = Promise.race(
    senders.map(async (sender) => {
      throw new Error("a sender failed", { cause: await once(sender, "error") });
    }),
  );
  while (Atomics.load(start, 1) < senders.length) await Promise.race([new Promise((resolve) => setTimeout(resolve, 2)), failed]);
  Atomics.store(start, 0, 1);
  Atomics.notify(start, 0);
  await Promise.race([ended, failed]);
}
