/**
 * Broken packets in great number. Every packet of the packet rows is a seed; a course takes the services of one row after another, sends
 * seeds and what mutations made of them through both hooks, and judges each frame by itself and the counters of all of them together.
 */

import { TestRunner } from "../../src/kernel/test-runner.ts";
import type { Row } from "../packet-rows/row.ts";
import { Stage } from "../packet-rows/stage.ts";
import { PACKET_TABLES } from "../packet-rows/tables.ts";
import { Counts, type Expected } from "./counts.ts";
import { type Fate, fateOf, judge } from "./judge.ts";
import { Chance } from "./random.ts";
import { nextFrame, type Seed, seedsOf } from "./seeds.ts";

export interface Finding {
  readonly what: string;
  /** The stretch of packets that it is in, and the packet. */
  readonly stretch: number;
  readonly packet: number | undefined;
  readonly row: string;
  readonly details: string;
}

export interface CourseRequest {
  readonly packets: number;
  readonly seed: number;
  /** Of so many courses at once this is the n-th: it takes each n-th stretch. */
  readonly part?: { readonly number: number; readonly of: number };
  /** Only this stretch. */
  readonly only?: number;
  readonly onProgress?: (packets: number) => void;
}

export interface CourseResult {
  readonly packets: number;
  readonly fates: Readonly<Record<Fate, number>>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

/** Packets under the services of one row. */
const STRETCH = 2000;
const FINDINGS_MAX = 20;

export function course(request: CourseRequest): CourseResult {
  const { packets, seed, part = { number: 0, of: 1 }, only, onProgress = () => {} } = request;
  const stage = new Stage({ connectionsMax: 1000 });
  const runner = new TestRunner();
  try {
    return stage.inside(() => {
      const rows = Object.values(PACKET_TABLES)
        .flat()
        .filter(({ services }) => services.length > 0);
      const ground: Ground = { stage, runner, rows, everything: rows.flatMap((row) => seedsOf(row, stage)), oneByOne: only !== undefined };
      const result = {
        packets: 0,
        fates: { passed: 0, dropped: 0, sent: 0 },
        outcomes: new Map<string, number>(),
        findings: [] as Finding[],
      };
      const step = only === undefined ? part.of : Number.POSITIVE_INFINITY;
      for (let number = only ?? part.number; number * STRETCH < packets && result.findings.length < FINDINGS_MAX; number += step) {
        const length = Math.min(STRETCH, packets - number * STRETCH);
        runStretch(ground, { number, length, chance: new Chance(seed + number) }, result);
        result.packets += length;
        onProgress(result.packets);
      }
      return result;
    });
  } finally {
    runner.close();
    stage.close();
  }
}

interface Ground {
  readonly stage: Stage;
  readonly runner: TestRunner;
  readonly rows: readonly Row[];
  readonly everything: readonly Seed[];
  /** The counters are looked at after each packet. */
  readonly oneByOne: boolean;
}

interface Sums {
  readonly fates: Record<Fate, number>;
  readonly outcomes: Map<string, number>;
  readonly findings: Finding[];
}

function runStretch(ground: Ground, stretch: { number: number; length: number; chance: Chance }, sums: Sums): void {
  const { stage, rows, everything } = ground;
  const { number, length, chance } = stretch;
  const row = chance.of(rows);
  const counts = new Counts(stage, row);
  perform(row, stage, MARKS_COME);
  const own = seedsOf(row, stage);
  const expected: Expected = { passed: 0, dropped: 0, sent: 0, answered: 0 };
  const report = (what: string, packet: number | undefined, details: string) =>
    sums.findings.push({ what, stretch: number, packet, row: row.name, details });
  for (let packet = 0; packet < length && sums.findings.length < FINDINGS_MAX; packet++) {
    const near = own.length > 0 && !chance.oneIn(4) ? own : everything;
    const { wrong, fate, details } = runPacket(ground, counts, expected, nextFrame(ground.runner, chance, near, everything));
    if (wrong !== "") report(wrong, packet, details());
    if (fate !== undefined) sums.fates[fate]++;
  }
  for (const complaint of counts.complaints(expected, sums.outcomes)) report(complaint, undefined, "");
  perform(row, stage, MARKS_GO);
}

interface Ran {
  readonly wrong: string;
  readonly fate: Fate | undefined;
  readonly details: () => string;
}

function runPacket({ stage, runner, oneByOne }: Ground, counts: Counts, expected: Expected, frame: ReturnType<typeof nextFrame>): Ran {
  const { hook, side, length } = frame;
  // The segments of what goes up to a server on this host are not counted.
  const gso = hook === "tc" && !counts.local ? frame.gso : undefined;
  const program = hook === "tc" ? stage.path.tcProgram : stage.path.xdpProgram;
  const ifindex = stage.ifindexes[side];
  const outLength = runner.run(program, { hook, ifindex, length, gsoSize: gso?.size ?? 0, gsoSegments: gso?.segments ?? 0 });
  const fate = fateOf(hook, runner.returned);
  const sent = runner.input.subarray(0, length);
  const out = runner.output.subarray(0, outLength);
  const details = () => `${hook}, ${side}, ${fate}\n  in  ${hex(sent)}\n  out ${hex(out)}`;
  if (fate === undefined) return { wrong: `the verdict ${runner.returned}`, fate, details };
  const { wrong, isAnswer } = judge(fate, sent, out, counts.local);
  const packets = fate === "sent" ? (gso?.segments ?? 1) : 1;
  expected[fate] += packets;
  if (isAnswer) expected.answered++;
  if (wrong !== "" || !oneByOne) return { wrong, fate, details };
  const times = counts.since() - (isAnswer ? 1 : 0);
  const isCounted = times === packets || (isAnswer && times === 0);
  return { wrong: isCounted ? "" : `one packet, counted ${times} times`, fate, details };
}

/** Of what rows do between their packets only this: other deeds wait for time to pass, or take away what packets should meet. */
const MARKS_COME = /gives? marks/;
const MARKS_GO = /rules? goe?s?\b/;

function perform(row: Row, stage: Stage, deeds: RegExp): void {
  for (const step of row.steps) {
    if (!("perform" in step) || !deeds.test(step.deed)) continue;
    step.perform(stage);
    return;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
