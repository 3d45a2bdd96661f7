/**
 * Two CPUs in the same connections, while servers and services come and go, weights, thresholds and schedulers change, and time passes:
 * what was counted up is counted down, and in the end nothing is left.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { replyFrame, requestFrame } from "../src/director/replay/case-frames.ts";
import { KernelCaseEngine } from "../src/director/replay/kernel-case-engine.ts";
import { ReplayStage } from "../src/director/replay/replay-stage.ts";
import { parseAddress } from "../src/model/address.ts";
import type { Segment } from "../src/scheduler/ipvs-model/connection.ts";
import { need } from "./need.ts";
import { census } from "./packet-rows/crowd.ts";
import { randomFrom } from "./random.ts";
import type { BusyClientOrder } from "./random-course/busy-client.ts";
import { COURSE_SCHEDULERS, COURSE_SERVICES, type CourseService, clientsOf, order } from "./random-course/cast.ts";

const SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
/** Few enough that both threads meet in each. */
const FLOWS_EACH = 30;
const BUSY_MS = 4000;
const CLIENTS = 2;

test("two CPUs count up and down alike, while servers come and go", async (t) => {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
  t.diagnostic(`seed ${SEED}`);
  const random = randomFrom(SEED);
  const below = (bound: number) => Math.floor(random() * bound);
  const pick = <T>(all: readonly T[]): T => {
    const found = all[below(all.length)];
    if (found === undefined) throw new Error("nothing to pick from");
    return found;
  };
  // Small: connections stand in each other's groups, and take each other's slots.
  const stage = new ReplayStage("two-cpus", { connectionsMax: 200, timer: true });
  const control = new Int32Array(new SharedArrayBuffer(8));
  try {
    const director = stage.inside(() => new KernelCaseEngine(stage));
    const say = (line: string) => stage.inside(() => director.order(order(line), 0));
    say("--set 1 1 1");
    const add = (service: CourseService) => {
      say(`-A ${service.key} -s ${pick(COURSE_SCHEDULERS)} ${service.options}`);
      for (const server of service.servers.slice(0, 3)) say(`-a ${service.key} -r ${server} ${service.method} -w 1`);
    };
    for (const service of COURSE_SERVICES) add(service);
    const packets = COURSE_SERVICES.flatMap((service) => Array.from({ length: FLOWS_EACH }, () => flowOf(service, pick, stage.mac)).flat());
    const shared = { namespace: stage.namespace, program: stage.path.tcProgram, ifindex: stage.ifindex, packets, control };
    const workers = Array.from({ length: CLIENTS }, (_, i) => {
      const workerData: BusyClientOrder = { ...shared, seed: SEED + i };
      return new Worker(new URL("random-course/busy-client.ts", import.meta.url), { workerData });
    });
    const ended = Promise.all(workers.map((worker) => once(worker, "exit")));
    const failed = Promise.race(
      workers.map(async (worker) => {
        throw new Error("a client failed", { cause: await once(worker, "error") });
      }),
    );
    let deeds = 0;
    const until = performance.now() + BUSY_MS;
    while (performance.now() < until) {
      const service = pick(COURSE_SERVICES);
      const server = pick(service.servers);
      switch (below(8)) {
        case 0:
        case 1:
          say(`-d ${service.key} -r ${server}`);
          break;
        case 2:
        case 3:
          say(`-a ${service.key} -r ${server} ${service.method} -w ${1 + below(3)}`);
          break;
        case 4:
          say(`-e ${service.key} -r ${server} ${service.method} -w ${below(3)} -x ${4 + below(9)}`);
          break;
        case 5:
          say(`-E ${service.key} -s ${pick(COURSE_SCHEDULERS)} ${service.options}`);
          break;
        case 6:
          stage.inside(() => stage.path.sweep());
          break;
        default:
          if (below(10) === 0) {
            say(`-D ${service.key}`);
            add(service);
          }
      }
      deeds++;
      // The clients' errors are heard between deeds.
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 1)), failed]);
    }
    Atomics.store(control, 0, 1);
    await Promise.race([ended, failed]);
    t.diagnostic(`${Atomics.load(control, 1)} packets, ${deeds} deeds`);
    assert.ok(Atomics.load(control, 1) > 10_000, "too few packets were sent to meet");
    stage.inside(() => {
      const held = census(stage).live;
      assert.ok(held > 50, `only ${held} connections are held`);
      director.advance(1_800_000);
      const loads = Array.from({ length: stage.path.serverLoad.length }, (_, number) => stage.path.serverLoad.read(number));
      const left = loads.flatMap(({ active, total, persistent, flags }, number) =>
        active === 0 && total === 0 && persistent === 0 && flags === 0 ? [] : [{ number, active, total, persistent, flags }],
      );
      assert.deepEqual(left, []);
      assert.deepEqual(census(stage), { live: 0, busy: 0, moved: 0, overflow: 0, wrongGroups: 0 });
    });
  } finally {
    Atomics.store(control, 0, 1);
    stage.close();
  }
});

/** The packets that a flow may consist of: the client's, and by NAT those of each server that may have it. */
function flowOf(service: CourseService, pick: <T>(all: readonly T[]) => T, mac: Uint8Array): BusyClientOrder["packets"] {
  const { protocol, address, mark } = service;
  const packet = {
    client: pick(clientsOf(service)),
    clientPort: 20_000 + pick([1, 2, 3, 4, 5, 6, 7]),
    address,
    port: pick(service.ports),
    mark,
  };
  const asks = segments(protocol).map((segment) => ({ frame: requestFrame({ ...packet, segment }, mac), mark }));
  const replies = service.servers.map((server) => {
    const [, host = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(server) ?? [];
    const from = { address: parseAddress(host), port: Number(port) || packet.port };
    return { frame: replyFrame({ ...packet, server: from, segment: pick(segments(protocol)) }, mac), mark: 0 };
  });
  return service.method === "-m" ? [...asks, ...asks, ...replies] : asks;
}

const NO_FLAGS = { syn: false, ack: false, fin: false, rst: false } as const;

function segments(protocol: CourseService["protocol"]): readonly Segment[] {
  if (protocol === "udp") return [{ protocol }];
  if (protocol === "sctp") return (["INIT", "COOKIE_ECHO", "DATA", "SHUTDOWN", "ABORT"] as const).map((chunk) => ({ protocol, chunk }));
  return [{ syn: true }, { syn: true }, { ack: true }, { ack: true }, { ack: true, fin: true }, { rst: true }].map((flags) => ({
    protocol,
    flags: { ...NO_FLAGS, ...flags },
  }));
}
