/** Frames to begin with: every packet that the packet rows send, as it is or mutated. */

import type { TestRunner } from "../../src/kernel/test-runner.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet, parseMac } from "../../src/wire/ethernet.ts";
import type { Row } from "../packet-rows/row.ts";
import { type Hook, SIDES, type Side, type Stage } from "../packet-rows/stage.ts";
import { FRAME_MAX, mutate } from "./mutate.ts";
import type { Chance } from "./random.ts";

export interface Seed {
  readonly frame: Uint8Array;
  readonly side: Side;
  readonly gso: { readonly size: number; readonly segments: number } | undefined;
}

const SENDER = parseMac("02:00:00:00:00:aa");

/** Writes the next frame into the runner's input. */
export function nextFrame(runner: TestRunner, chance: Chance, near: readonly Seed[], far: readonly Seed[]) {
  const from = chance.of(near);
  // XDP leaves to tc what is long or seldom.
  const wanted: Hook = chance.oneIn(3) ? "xdp" : "tc";
  const side = chance.oneIn(16) ? chance.of(SIDES) : from.side;
  runner.input.set(from.frame);
  let length = from.frame.length;
  // A third as they are: they make the connections that the others meet.
  const isWhole = chance.oneIn(3);
  if (!isWhole) length = mutate(runner.input, length, chance, chance.of(far).frame);
  return { gso: isWhole ? from.gso : undefined, hook: isTooShortForTc(runner.input, length) ? ("xdp" as const) : wanted, side, length };
}

/** The kernel runs no tc program on an IP packet that has not even its header (net/bpf/test_run.c, bpf_prog_test_run_skb()). */
function isTooShortForTc(frame: Uint8Array, length: number): boolean {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const header = type === EtherType.IPV4 ? 20 : type === EtherType.IPV6 ? 40 : 0;
  return length < ETHERNET_BYTES + header;
}

/** Packets as their rows send them. */
export function seedsOf(row: Row, stage: Stage): Seed[] {
  return row.steps.flatMap((step) => {
    if (!("send" in step) || step.send.length + ETHERNET_BYTES > FRAME_MAX) return [];
    const side = step.arrives ?? "front";
    const payload = new Uint8Array(step.send.length + (step.padding ?? 0));
    payload.set(step.send);
    const version = (step.send[0] ?? 0) >> 4;
    const type = step.etherType ?? (version === 6 ? EtherType.IPV6 : EtherType.IPV4);
    const frame = encodeEthernet({ destination: step.frameTo ?? stage.macs[side], source: SENDER, type, payload });
    return frame.length > FRAME_MAX ? [] : [{ frame, side, gso: step.gso }];
  });
}
