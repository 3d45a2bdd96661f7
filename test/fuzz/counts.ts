/** What the packet path counted of a stretch of packets, beside what was seen of them. */

import { connectionCodec, ForwardingMethod, Life, outcomeName } from "../../src/wire/abi.ts";
import { census } from "../packet-rows/crowd.ts";
import type { Row } from "../packet-rows/row.ts";
import type { Stage } from "../packet-rows/stage.ts";
import type { Fate } from "./judge.ts";

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

/** What was seen of a stretch; of what was sent, how much are answers of the director's own. */
export type Expected = Record<Fate | "answered", number>;

/** The counters of a stretch: each packet stands in them once, and the table agrees with the servers' loads. */
export class Counts {
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
    // Full NAT's second entries are no connections of their own.
    const standing = live - this.#secondEntries();
    if (loads !== standing) found.push(`${standing} connections stand, the servers have ${loads}`);
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

  #secondEntries(): number {
    const table = this.#stage.path.maps.connections.map();
    const { view, stride, length } = table;
    const { size, offsets } = connectionCodec;
    let count = 0;
    for (let at = 0; at < length * stride; at += size) {
      const live = (view.getUint32(at + offsets.life, true) & Life.PHASE_MASK) === Life.LIVE;
      if (live && view.getUint8(at + offsets.method) === ForwardingMethod.FULL_NAT_REPLY) count++;
    }
    table.close();
    return count;
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
