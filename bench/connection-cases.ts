/** What bench/connections.ts samples: tables that hold a million connections each, and packets of one, some and all of their flows. */

import { groupsFor } from "../src/director/capacity.ts";
import type { Family } from "../src/model/address.ts";
import { EvenkeelError } from "../src/model/error.ts";
import type { ForwardingMethod } from "../src/model/service.ts";
import { connectionGroupCodec, Limits } from "../src/wire/abi.ts";
import { u64 } from "../src/wire/codec.ts";
import type { Case } from "./measure.ts";
import { Harness, type Hook, Rig } from "./packet-rig.ts";

/** A power of two, so that a random flow is a mask of a random number. */
export const FLOWS = 1 << 20;

export type Extent = "one" | "some" | "all";
export const EXTENTS = { one: 1, some: 1 << 15, all: FLOWS } as const satisfies Record<Extent, number>;

const TABLES = [
  { method: "dr", family: "ipv4", hooks: ["xdp", "tc"] },
  { method: "nat", family: "ipv4", hooks: ["xdp", "tc"] },
  { method: "tun", family: "ipv4", hooks: ["xdp"] },
  { method: "dr", family: "ipv6", hooks: ["xdp"] },
] as const satisfies readonly { method: ForwardingMethod; family: Family; hooks: readonly Hook[] }[];

const REPEAT = 200_000;
/** A base takes a few nanoseconds, and the kernel answers in whole ones: many packets, timed from outside. */
const REPEAT_ALONE = 4_000_000;
const JIFFIES_TO_BE_OVER_MS = 500;

/** The case that reads one line of a table as large, and does nothing else. */
export const LINE = "one line";

interface Subject {
  readonly name: string;
  readonly hook: Hook;
  readonly method: ForwardingMethod;
  readonly family: Family;
  readonly extent: Extent;
  readonly emptyName: string;
  readonly aloneEmptyName: string;
  readonly swapName: string;
}

export interface TableSet {
  readonly subjects: readonly Subject[];
  readonly cases: readonly Case[];
  /** The one by which the table itself is measured. */
  readonly first: Table;
  emptyName(hook: Hook): string;
  swapName(hook: Hook): string;
  close(): void;
}

export class Table {
  readonly rig: Rig;
  readonly #harness: Harness;

  constructor(harness: Harness, method: ForwardingMethod, family: Family) {
    this.#harness = harness;
    this.rig = new Rig(method, family, { connectionsMax: FLOWS });
    this.rig.establish(harness, { flows: FLOWS, singly: false });
  }

  /** What the kernel holds for it: slots, and the counts of groups that sent connections on. */
  bytes(): number {
    const { connections, overflow } = this.rig.path.maps;
    return connections.maxEntries * connectionGroupCodec.size + overflow.maxEntries * u64.size;
  }

  /** Nanoseconds a SYN, the harness taken off, from an empty table to a full one. */
  fill(): number {
    const { rig } = this;
    const order = { frame: rig.frame("new"), order: "next", flows: FLOWS, repeat: FLOWS } as const;
    rig.clear();
    const base = this.#harness.measure(rig, this.#harness.empty, order).durationNs;
    const raw = this.#harness.measure(rig, rig.program(this.#harness.hook), order).durationNs;
    expectNearlyAll(rig);
    return raw - base;
  }

  /** Milliseconds of a sweep that ends them all. */
  expireAll(): number {
    const { rig } = this;
    const { settings } = rig.path.maps;
    const before = rig.path.settings();
    settings.update(0, { ...before, timeout: before.timeout.map(() => 1) });
    const order = { frame: rig.frame("established"), order: "next", flows: FLOWS, repeat: FLOWS } as const;
    const { live } = rig.path.sweep();
    this.#harness.measure(rig, rig.program(this.#harness.hook), order);
    settings.update(0, before);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, JIFFIES_TO_BE_OVER_MS);
    const begun = performance.now();
    const { expired } = rig.path.sweep();
    const took = performance.now() - begun;
    if (expired !== live) throw unexpected(rig, `the sweep ended ${expired} of ${live} connections`);
    return took;
  }

  close(): void {
    this.rig.close();
  }
}

export function prepareTables(onStep: (text: string) => void): TableSet {
  const closing: { close(): void }[] = [];
  const close = () => {
    for (const one of closing.toReversed()) one.close();
  };
  try {
    const harnesses = { xdp: new Harness("xdp", groupsFor(FLOWS)), tc: new Harness("tc") };
    closing.push(harnesses.xdp, harnesses.tc);
    const tables = TABLES.map(({ method, family, hooks }) => {
      onStep(`a million handshakes: ${method} ${family}`);
      const table = new Table(harnesses.xdp, method, family);
      closing.push(table);
      return { table, method, family, hooks: hooks as readonly Hook[] };
    });
    const [first] = tables;
    if (first === undefined) throw new EvenkeelError("BAD_ARGUMENT", "there is no table to measure");
    const subjects: Subject[] = [];
    const slots = groupsFor(FLOWS) * Limits.CONNECTION_GROUP_SLOTS;
    const cases: Case[] = [{ name: LINE, sample: () => harnesses.xdp.measureLine(first.table.rig, slots, REPEAT) }];
    for (const hook of ["xdp", "tc"] as const) {
      const harness = harnesses[hook];
      const { rig } = first.table;
      for (const program of ["empty", "swap"] as const) {
        cases.push({
          name: aloneName(hook, program),
          sample: () => rig.runTimed(hook, harness[program], rig.frame("established"), REPEAT_ALONE),
        });
      }
      for (const { table, method, family } of tables.filter(({ hooks }) => hooks.includes(hook))) {
        for (const extent of Object.keys(EXTENTS) as Extent[]) {
          const name = `${hook} ${method} ${family} ${EXTENTS[extent]}`;
          const emptyName = `${name}, empty`;
          subjects.push({
            name,
            hook,
            method,
            family,
            extent,
            emptyName,
            aloneEmptyName: aloneName(hook, "empty"),
            swapName: aloneName(hook, "swap"),
          });
          cases.push(
            { name: emptyName, sample: () => sample(harness, table.rig, harness.empty, extent) },
            { name, sample: () => sampleForwarding(name, harness, table.rig, extent) },
          );
        }
      }
    }
    return {
      subjects,
      cases,
      first: first.table,
      emptyName: (hook) => aloneName(hook, "empty"),
      swapName: (hook) => aloneName(hook, "swap"),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

const aloneName = (hook: Hook, program: "empty" | "swap") => `${hook} ${program} alone`;

function sample(harness: Harness, rig: Rig, program: number, extent: Extent): number {
  const order = { frame: rig.frame("established"), order: "random", flows: EXTENTS[extent], repeat: REPEAT } as const;
  return harness.measure(rig, program, order).durationNs;
}

/** It must have forwarded every packet, or something else was measured. */
function sampleForwarding(name: string, harness: Harness, rig: Rig, extent: Extent): number {
  const before = rig.forwarded();
  const ns = sample(harness, rig, rig.program(harness.hook), extent);
  const forwarded = rig.forwarded() - before;
  if (forwarded !== REPEAT) throw unexpected(rig, `${name}: of ${REPEAT} packets ${forwarded} were forwarded`);
  return ns;
}

/** All of them are half-open, and a few have pushed out others. */
function expectNearlyAll(rig: Rig): void {
  const { live } = rig.path.sweep();
  if (live < FLOWS * 0.999) throw unexpected(rig, `${FLOWS} new connections left ${live}`);
}

function unexpected(rig: Rig, message: string): EvenkeelError {
  return new EvenkeelError("EXPECTATION_FAILED", message, { facts: { outcomes: rig.outcomesText() } });
}
