/** The connection table read while two threads drive 200,000 flows, each of which lives for a tick, through its 128 slots. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { type Connection, ConnectionReader } from "../src/director/connection-reader.ts";
import { formatAddress } from "../src/model/address.ts";
import { need } from "./need.ts";
import { SYN, VIPS } from "./packet-rows/cast.ts";
import { CROWD_SERVICES } from "./packet-rows/crowd.ts";
import type { SenderOrder } from "./packet-rows/sender.ts";
import { Stage } from "./packet-rows/stage.ts";

test("no reader mixes two connections into one while slots change hands under it", async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const small = new Stage({ connectionsMax: 1 });
  try {
    small.inside(() => {
      for (const one of CROWD_SERVICES) small.plane.apply({ kind: "add-service", service: one });
      small.settle();
    });
    small.setTimeouts(() => 1);
    const start = new Int32Array(new SharedArrayBuffer(8));
    const order: SenderOrder = {
      namespace: small.namespace,
      program: small.path.tcProgram,
      ifindex: small.ifindexes.front,
      mac: small.macs.front,
      seed,
      flows: 100_000,
      tcpFlags: SYN,
      start,
    };
    const senders = [0, 1].map(
      (i) => new Worker(new URL("packet-rows/sender.ts", import.meta.url), { workerData: { ...order, seed: seed + i } }),
    );
    let running = senders.length;
    for (const sender of senders) void once(sender, "exit").then(() => running--);
    while (Atomics.load(start, 1) < senders.length) await new Promise((resolve) => setTimeout(resolve, 2));
    Atomics.store(start, 0, 1);
    Atomics.notify(start, 0);
    const reader = new ConnectionReader(small.path);
    let read = 0;
    while (running > 0) {
      for (let i = 0; i < 200; i++) {
        small.path.sweep();
        for (const one of reader.connections()) {
          read++;
          assert.equal(misfitOf(one), "", JSON.stringify(one));
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    reader.close();
    t.diagnostic(`${read} connections were read`);
    assert.ok(read > 10_000, `${read} connections were read`);
  } finally {
    small.close();
  }
});

/** Of a crowd's connection: the port is made from the address (IPv6 shows all of what it is made from). */
function misfitOf({ client, virtual, server: to, protocol, state }: Connection): string {
  const { family } = client.address;
  if (formatAddress(virtual.address) !== formatAddress(VIPS[family]) || to.address.family !== family) return "the families";
  if (protocol !== "tcp" && protocol !== "udp") return "the protocol";
  if ((protocol === "udp") !== (state === "UDP")) return "the state";
  if (family === "ipv4") return "";
  const scattered = new DataView(client.address.bytes.buffer, client.address.bytes.byteOffset).getUint32(12);
  return client.port === 1024 + ((scattered >>> 7) % 60_000) ? "" : "the port is not its client's";
}
