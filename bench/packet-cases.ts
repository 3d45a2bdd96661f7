/** What bench/packet.ts samples: each method, family and order of flows on each hook, and the bases they stand on. */

import type { Family } from "../src/model/address.ts";
import { EvenkeelError } from "../src/model/error.ts";
import { FORWARDING_METHODS, type ForwardingMethod } from "../src/model/service.ts";
import { type Case, median } from "./measure.ts";
import { Harness, type Hook, type Order, Rig } from "./packet-rig.ts";

export const HOOKS = ["xdp", "tc"] as const satisfies readonly Hook[];
const FAMILIES = ["ipv4", "ipv6"] as const satisfies readonly Family[];
const ORDERS = ["fixed", "random", "next"] as const satisfies readonly Order[];

const FLOWS = 32_768;
const REPEAT = { fixed: 100_000, random: 100_000, next: 16_384 } as const satisfies Record<Order, number>;
/** A base alone takes a few nanoseconds, and the kernel answers in whole ones: many packets, timed from outside. */
const REPEAT_ALONE = 4_000_000;
const SINGLE_RUNS = 400;

export interface Subject {
  readonly hook: Hook;
  readonly method: ForwardingMethod;
  readonly family: Family;
  readonly order: Order;
  /** One packet a call: TUN on tc. */
  readonly singly: boolean;
}

export interface CaseSet {
  readonly subjects: readonly Subject[];
  readonly cases: readonly Case[];
  close(): void;
}

export const subjectName = ({ hook, method, family, order }: Subject): string => `${hook} ${method} ${family} ${order}`;
export const otherBuildName = (subject: Subject): string => `${subjectName(subject)}, other build`;
/** The base that has all of a subject's costs but the director's own. */
export const emptyName = ({ hook, family, order, singly }: Subject): string => `${hook} empty ${family} ${order}${singly ? " singly" : ""}`;
export const aloneName = (hook: Hook, program: "empty" | "swap"): string => `${hook} ${program} alone`;
export const restoredName = (hook: Hook, program: "empty" | "swap"): string => `${hook} ${program} ipv4 fixed`;

export function prepare(against: string | undefined, onStep: (text: string) => void, hooks: readonly Hook[] = HOOKS): CaseSet {
  const subjects: Subject[] = [];
  const cases = new Map<string, Case>();
  const closing: { close(): void }[] = [];
  const close = () => {
    for (const one of closing.toReversed()) one.close();
  };
  // A base that several subjects share is sampled once a round.
  const add = (name: string, sample: () => number) => void cases.set(name, { name, sample });
  try {
    for (const hook of hooks) {
      const harness = new Harness(hook);
      closing.push(harness);
      for (const method of FORWARDING_METHODS) {
        for (const family of FAMILIES) {
          onStep(`preparing ${hook} ${method} ${family}`);
          const rigs = { flows: new Rig(method, family), newcomers: new Rig(method, family) };
          closing.push(rigs.flows, rigs.newcomers);
          const singly = method === "tun" && hook === "tc";
          rigs.flows.establish(harness, { flows: FLOWS, singly });
          for (const program of ["empty", "swap"] as const) {
            const frame = rigs.flows.frame("established");
            add(aloneName(hook, program), () => rigs.flows.runTimed(hook, harness[program], frame, REPEAT_ALONE));
          }
          if (family === "ipv4" && !singly) {
            const swap = { hook, method, family, order: "fixed", singly } as const;
            add(restoredName(hook, "swap"), () => sampleOnce(swap, harness, rigs.flows, harness.swap));
          }
          for (const order of ORDERS) {
            const subject = { hook, method, family, order, singly };
            const rig = order === "next" ? rigs.newcomers : rigs.flows;
            subjects.push(subject);
            add(emptyName(subject), () => sampleOnce(subject, harness, rig, harness.empty));
            add(subjectName(subject), () => sampleForwarding(subject, harness, rig, rig.program(hook)));
            if (against === undefined) continue;
            const other = rig.programOf(against, hook);
            add(otherBuildName(subject), () => sampleForwarding(subject, harness, rig, other));
          }
        }
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  return { subjects, cases: [...cases.values()], close };
}

/** Nanoseconds a packet, the harness included. */
function sampleOnce({ hook, order, singly }: Subject, harness: Harness, rig: Rig, program: number): number {
  if (singly) return median(rig.runSingly(hook, program, { order, flows: FLOWS, runs: SINGLE_RUNS }));
  const frame = rig.frame(order === "next" ? "new" : "established");
  return harness.measure(rig, program, { frame, order, flows: FLOWS, repeat: REPEAT[order] }).durationNs;
}

/** The same of a director; it must have forwarded every packet, or something else was measured. */
function sampleForwarding(subject: Subject, harness: Harness, rig: Rig, program: number): number {
  const { order, singly } = subject;
  if (order === "next") rig.clear();
  const before = rig.forwarded();
  const ns = sampleOnce(subject, harness, rig, program);
  const forwarded = rig.forwarded() - before;
  const sent = singly ? SINGLE_RUNS : REPEAT[order];
  if (forwarded === sent) return ns;
  throw new EvenkeelError("EXPECTATION_FAILED", `${subjectName(subject)}: of ${sent} packets ${forwarded} were forwarded`, {
    cure: "the packet rows (make test) show which packets it does not forward",
    facts: { outcomes: rig.outcomesText() },
  });
}
