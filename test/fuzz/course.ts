/**
 * Broken packets in great number. Every packet of the packet rows is a seed; a course takes the services of one row after another, sends
 * seeds and what mutations made of them through both hooks, and judges each frame by itself and the counters of all of them together.
 */

import { TestRunner } from "../../src/kernel/test-runner.ts";
import { ForwardingMethod, outcomeName } from "../../src/wire/abi.ts";
import { ETHERNET_BYTES, EtherType, encodeEthernet, parseMac } from "../../src/wire/ethernet.ts";
import { census } from "../packet-rows/crowd.ts";
import type { Row } from "../packet-rows/row.ts";
import { type Hook, SIDES, type Side, Stage } from "../packet-rows/stage.ts";
import { PACKET_TABLES } from "../packet-rows/tables.ts";
import { type Fate, fateOf, judge } from "./judge.ts";
import { FRAME_MAX, mutate } from "./mutate.ts";
import { Chance } from "./random.ts";

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

interface Seed {
  readonly frame: Uint8Array;
  readonly side: Side;
  readonly gso: { readonly size: number; readonly segments: number } | undefined;
}

/** Packets under the services of one row. */
const STRETCH = 2000;
const FINDINGS_MAX = 20;
const SENDER = parseMac("02:00:00:00:00:aa");
const PASSES = /^PASS_/;
/** A fragment that waits is kept as a copy. */
const DROPS = /^(DROP_|FRAGMENT_WAITS$)/;
const CUTS = /^FRAGMENTED$/;
const TOO_BIG = /^ICMP_TOO_BIG$/;
const UNREACHABLE = /^ICMP_UNREACHABLE$/;
const ANSWERS = /^ICMP_(TOO_BIG|TIME_EXCEEDED|UNREACHABLE)$/;
const ENDS = /^(PASS_|DROP_|ICMP_TOO_BIG|ICMP_TIME_EXCEEDED|ICMP_UNREACHABLE|FRAGMENT_WAITS|FRAGMENTED)/;
/** No row has more. */
const SERVERS_MAX = 64;

export function course(request: CourseRequest): CourseResult {
  const { packets, seed, part = { number: 0, of: 1 }, only, onProgress = () => {} } = request;
  const stage = new Stage({ connectionsMax: 1000 });
  const runner = new TestRunner();
  try {
    return stage.inside(() => {
      const rows = Object.values(PACKET_TABLES)
        .flat()
        .filter(({ services }) => services.length > 0);
      const everything = rows.flatMap((row) => seedsOf(row, stage));
      const fates = { passed: 0, dropped: 0, sent: 0 } satisfies Record<Fate, number>;
      const outcomes = new Map<string, number>();
      const findings: Finding[] = [];
      let done = 0;
      for (let stretch = only ?? part.number; stretch * STRETCH < packets && findings.length < FINDINGS_MAX; stretch += part.of) {
        const chance = new Chance(seed + stretch);
        const row = chance.of(rows);
        const report = (what: string, packet: number | undefined, details: string) =>
          findings.push({ what, stretch, packet, row: row.name, details });
        const counted = new Counts(stage, row);
        perform(row, stage, MARKS_COME);
        const own = seedsOf(row, stage);
        const expected: Expected = { passed: 0, dropped: 0, sent: 0, answered: 0 };
        const number = Math.min(STRETCH, packets - stretch * STRETCH);
        for (let i = 0; i < number && findings.length < FINDINGS_MAX; i++) {
          const {
            hook,
            side,
            gso: segmented,
            length,
          } = nextFrame(runner, chance, own.length > 0 && !chance.oneIn(4) ? own : everything, everything);
          const gso = hook === "tc" && !counted.local ? segmented : undefined;
          const outLength = runner.run(hook === "tc" ? stage.path.tcProgram : stage.path.xdpProgram, {
            hook,
            ifindex: stage.ifindexes[side],
            length,
            gsoSize: gso?.size ?? 0,
            gsoSegments: gso?.segments ?? 0,
          });
          const fate = fateOf(hook, runner.returned);
          const sent = runner.input.subarray(0, length);
          const out = runner.output.subarray(0, outLength);
          const details = () => `${hook}, ${side}, ${fate}\n  in  ${hex(sent)}\n  out ${hex(out)}`;
          if (fate === undefined) {
            report(`the verdict ${runner.returned}`, i, details());
            continue;
          }
          const { wrong, isAnswer } = judge(fate, sent, out, counted.local);
          if (wrong !== "") report(wrong, i, details());
          if (isAnswer) expected.answered++;
          if (only !== undefined) {
            const times = counted.since() - (isAnswer ? 1 : 0);
            if (times !== (fate === "sent" ? (gso?.segments ?? 1) : 1) && !(isAnswer && times === 0))
              report(`one packet, counted ${times} times`, i, details());
          }
          expected[fate] += gso !== undefined && fate === "sent" ? gso.segments : 1;
          fates[fate]++;
        }
        for (const complaint of counted.complaints(expected, outcomes)) report(complaint, undefined, "");
        perform(row, stage, MARKS_GO);
        done += number;
        onProgress(done);
        if (only !== undefined) break;
      }
      return { packets: done, fates, outcomes, findings };
    });
  } finally {
    runner.close();
    stage.close();
  }
}

function nextFrame(runner: TestRunner, chance: Chance, near: readonly Seed[], far: readonly Seed[]) {
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

/** Packets as their rows send them. */
function seedsOf(row: Row, stage: Stage): Seed[] {
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

/** What was seen of a stretch; of what was sent, how much are answers of the director's own. */
type Expected = Record<Fate | "answered", number>;

/** The counters of a stretch: each packet stands in them once, and the table agrees with the servers' loads. */
class Counts {
  /** A server is the director itself: what goes to it is passed, and counted as forwarded. */
  readonly local: boolean;
  readonly #stage: Stage;
  readonly #services: readonly number[];
  readonly #before: number;
  #last: number;

  constructor(stage: Stage, row: Row) {
    this.#stage = stage;
    stage.clear();
    for (const service of row.services) stage.plane.apply({ kind: "add-service", service });
    stage.settle();
    this.#services = [...stage.path.maps.services.entries()].map(([, { index }]) => index);
    this.#before = this.#forwarded();
    this.local = this.#servers().some(({ method }) => method === ForwardingMethod.LOCAL);
    this.#last = this.#ends();
  }

  /** How many ends of packets were counted since the last time. */
  since(): number {
    const last = this.#last;
    this.#last = this.#ends();
    return this.#last - last;
  }

  complaints(expected: Expected, sums: Map<string, number>): string[] {
    const outcomes = this.#outcomes();
    for (const [name, count] of outcomes) if (count > 0) sums.set(name, (sums.get(name) ?? 0) + count);
    const sum = (pattern: RegExp) => outcomes.filter(([name]) => pattern.test(name)).reduce((all, [, count]) => all + count, 0);
    const found: string[] = [];
    const compare = (what: string, seen: number, counted: number) => {
      if (seen !== counted) found.push(`${seen} packets were ${what}, ${counted} are counted`);
    };
    // A reply that is too long, or at its last hop, is passed to the stack, and the stack tells the server so.
    const left = sum(ANSWERS) - expected.answered;
    const forwarded = this.#forwarded() - this.#before;
    compare("dropped", expected.dropped, sum(DROPS));
    // Of no server are also: what is cut comes by again, and who is told that there is no server at all.
    const others = sum(CUTS) + sum(UNREACHABLE);
    if (this.local) compare("passed or sent on", expected.passed + expected.sent, sum(PASSES) + left + forwarded + others);
    else {
      compare("passed", expected.passed, sum(PASSES) + left);
      // A sender whose packet could not be cut is answered, and its packet is no server's.
      const uncut = expected.sent - forwarded - others;
      if (uncut < 0 || uncut > sum(TOO_BIG)) compare("sent on", expected.sent, forwarded + others);
    }
    const { wrongGroups, busy, live } = census(this.#stage);
    if (wrongGroups > 0 || busy > 0) found.push(`in the table ${busy} slots are busy, ${wrongGroups} groups are counted wrong`);
    const loads = this.#loads();
    if (loads !== live) found.push(`${live} connections stand, the servers have ${loads}`);
    return found;
  }

  #outcomes(): (readonly [string, number])[] {
    return [...this.#stage.path.maps.outcomes.entries()].map(([number, count]) => [outcomeName[number] ?? "", Number(count)]);
  }

  #ends(): number {
    return this.#outcomes().reduce((sum, [name, count]) => (ENDS.test(name) ? sum + count : sum), this.#forwarded());
  }

  #servers() {
    return Array.from({ length: SERVERS_MAX }, (_, number) => this.#stage.path.servers.read(number));
  }

  #forwarded(): number {
    const { service_traffic: traffic } = this.#stage.path.maps;
    return this.#services.reduce(
      (sum, index) => sum + Number(traffic.lookup(index)?.packetsIn ?? 0n) + Number(traffic.lookup(index)?.packetsOut ?? 0n),
      0,
    );
  }

  #loads(): number {
    let sum = 0;
    for (let number = 0; number < SERVERS_MAX; number++) {
      const { total, persistent } = this.#stage.path.serverLoad.read(number);
      sum += total + persistent;
    }
    return sum;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
