/**
 * A director in a random course of events, against a model of five lines: whatever was configured, ordered, killed and brought back in whatever order,
 * once it is quiet the kernel holds what configuration, overrides and health say together, and `plan` finds nothing.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { DirectorClient } from "../src/api/client.ts";
import { directorFile } from "../src/lab/director.ts";
import { noticeAddresses, startHosts } from "../src/lab/hosts.ts";
import { down, up } from "../src/lab/lab.ts";
import { type LabOptions, serverAddress, serverNames } from "../src/lab/topology.ts";
import { formatAddress } from "../src/model/address.ts";
import type { OverrideWish } from "../src/model/override.ts";
import { configurationText, FAST_CHECKS } from "./director-lab/configuration.ts";
import type { DirectorProcess } from "./director-lab/director-process.ts";
import { readKernel } from "./director-lab/kernel-view.ts";
import { evenkeel, killWebProcess, socketOf, startDirector } from "./director-lab/running.ts";
import { need } from "./need.ts";
import { randomFrom } from "./random.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 12);
const EVENTS_A_ROUND = 5;
const QUIET_WITHIN_MS = 6000;
const FAMILIES = ["ipv4", "ipv6"] as const;

interface Model {
  scheduler: string;
  weights: number[];
  /** By "ipv4 rs1". */
  readonly wishes: Map<string, OverrideWish>;
  readonly dead: Set<string>;
}

interface Course {
  readonly lab: LabOptions;
  readonly model: Model;
  readonly client: DirectorClient;
  readonly random: () => number;
  director: DirectorProcess;
}

const EVENTS = {
  async override(course: Course): Promise<void> {
    const { model, client, random } = course;
    const [family, server] = [pick(random, FAMILIES), pick(random, serverNames(course.lab.servers))];
    const wish = pick<OverrideWish>(random, [{ kind: "drain" }, { kind: "disable" }, { kind: "weight", weight: Math.floor(random() * 9) }]);
    await client.override({ service: `web-${family}`, server: serverAddress(server)[family] }, wish, "a random course");
    model.wishes.set(`${family} ${server}`, wish);
  },
  async clear(course: Course): Promise<void> {
    const { model, client, random } = course;
    const [family, server] = [pick(random, FAMILIES), pick(random, serverNames(course.lab.servers))];
    await client.clearOverride({ service: `web-${family}`, server: serverAddress(server)[family] });
    model.wishes.delete(`${family} ${server}`);
  },
  async reload(course: Course): Promise<void> {
    configure(course);
    course.director.child.kill("SIGHUP");
    await sleep(course.random() * 100);
  },
  async stormOfReloads(course: Course): Promise<void> {
    for (let i = 0; i < 20; i++) {
      configure(course);
      course.director.child.kill("SIGHUP");
      await sleep(course.random() * 10);
    }
  },
  async apply(course: Course): Promise<void> {
    const text = configure(course);
    await course.client.apply({ text, file: directorFile(course.lab.name) });
  },
  async crash(course: Course): Promise<void> {
    await course.director.end("SIGKILL");
    course.director = await startDirector(course.lab.name, directorFile(course.lab.name));
  },
  async death({ lab, model, random }: Course): Promise<void> {
    const server = pick(random, serverNames(lab.servers));
    if (model.dead.has(server) || model.dead.size > 1) return;
    killWebProcess(lab.name, server);
    model.dead.add(server);
  },
  async birth({ lab, model }: Course): Promise<void> {
    const [server] = model.dead;
    if (server === undefined) return;
    await startHosts(lab.name, [server]);
    await noticeAddresses(lab.name, [server]);
    model.dead.delete(server);
  },
  async rest({ random }: Course): Promise<void> {
    await sleep(random() * 600);
  },
} as const;

test("whatever happens in whatever order, once it is quiet the kernel holds what configuration, overrides and health say", {
  timeout: 300_000,
}, async (t) => {
  if (!need(t, "root", "command:ip")) return;
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed} ROUNDS=${ROUNDS}`);
  const random = randomFrom(seed);
  const lab = await up({ name: "random", method: "nat" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  const model: Model = { scheduler: "rr", weights: [1, 1, 1], wishes: new Map(), dead: new Set() };
  writeFileSync(directorFile(lab.name), textOf(lab, model));
  const director = await startDirector(lab.name, directorFile(lab.name));
  const course: Course = { lab, model, random, director, client: new DirectorClient({ socket: socketOf(lab.name) }) };
  t.after(() => course.director.end("SIGKILL"));
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: EVENTS_A_ROUND }, () => pick(random, Object.keys(EVENTS) as (keyof typeof EVENTS)[]));
    await t.test(`round ${round + 1}: ${names.join(", ")}`, async () => {
      for (const name of names) await EVENTS[name](course);
      const wanted = expected(course);
      const startMs = performance.now();
      while (!isDeepStrictEqual(held(lab), wanted)) {
        if (performance.now() - startMs > QUIET_WITHIN_MS)
          assert.deepEqual(held(lab), wanted, `SEED=${seed}\n${course.director.log.slice(-4000)}`);
        await sleep(50);
      }
      const planned = await evenkeel(lab.name, "plan", directorFile(lab.name));
      assert.equal(planned.code, 0, `${planned.out}${planned.err}`);
    });
  }
});

/** What should be in the kernel: the weight of each server that is in its service. */
function expected({ lab, model: { scheduler, weights, wishes, dead } }: Course): Record<string, Record<string, number>> {
  const services = FAMILIES.map((family) => {
    const servers = serverNames(lab.servers).flatMap((server, i) => {
      const wish = wishes.get(`${family} ${server}`);
      if (dead.has(server) || wish?.kind === "disable") return [];
      const weight = wish === undefined ? weights[i] : wish.kind === "drain" ? 0 : wish.weight;
      return [[serverAddress(server)[family], weight ?? 0] as const];
    });
    return [`${family} ${scheduler}`, Object.fromEntries(servers)] as const;
  });
  return Object.fromEntries(services);
}

function held(lab: LabOptions): Record<string, Record<string, number>> {
  const services = readKernel(lab.name).services.map(({ address, scheduler, servers }) => {
    const own = servers.map((server) => [formatAddress(server.address), server.weight] as const);
    return [`${address?.family} ${scheduler}`, Object.fromEntries(own)] as const;
  });
  return Object.fromEntries(services);
}

/** Another file, which is also in its place. */
function configure({ lab, model, random }: Course): string {
  model.weights = model.weights.map(() => 1 + Math.floor(random() * 9));
  model.scheduler = pick(random, ["rr", "wrr", "wlc", "sh"]);
  const text = textOf(lab, model);
  writeFileSync(directorFile(lab.name), text);
  return text;
}

function textOf(lab: LabOptions, { scheduler, weights }: Model): string {
  return configurationText(lab, { checks: FAST_CHECKS, scheduler, weights });
}

function pick<T>(random: () => number, among: readonly T[]): T {
  return among[Math.floor(random() * among.length)] as T;
}
