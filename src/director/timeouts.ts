/**
 * How long a connection lives without a packet, by its state, as the sets of struct settings.timeout. Set 0 is everybody's and begins as IPVS has
 * it (ip_vs_proto_tcp.c, ip_vs_proto_udp.c, ip_vs_proto_sctp.c); a service with timeouts of its own has another one.
 */

import { EvenkeelError } from "../model/error.ts";
import { DEFAULT_SETTINGS } from "../model/plane.ts";
import { SCTP_TIMEOUT_SECONDS } from "../model/sctp-states.ts";
import type { Timeouts } from "../model/service.ts";
import { TCP_TIMEOUT_SECONDS } from "../model/tcp-states.ts";
import { Limits, SctpState, TcpState, Timeout, TimeoutOwn } from "../wire/abi.ts";

/** Each state has its place in the packet path, and none is left out. */
const TCP_SECONDS: Record<Exclude<keyof typeof TcpState, "COUNT">, number> = TCP_TIMEOUT_SECONDS;
const SCTP_SECONDS: Record<Exclude<keyof typeof SctpState, "COUNT">, number> = SCTP_TIMEOUT_SECONDS;
/** A template past its time asks again whether its connections live. */
const LINGER_SECONDS = 60;

/** What can be set of a set: its place, and its bit in TIMEOUT_OWN. */
const SETTABLE = {
  tcp: { place: TcpState.ESTABLISHED, own: TimeoutOwn.TCP },
  tcpFin: { place: TcpState.FIN_WAIT, own: TimeoutOwn.TCP_FIN },
  udp: { place: Timeout.UDP, own: TimeoutOwn.UDP },
} as const satisfies Record<keyof Timeouts, { place: number; own: number }>;

const SETTABLE_NAMES = Object.keys(SETTABLE) as (keyof Timeouts)[];

/** A new packet path's sets, in the order of struct settings.timeout. */
export function timeoutTicks(jiffiesPerSecond: number): number[] {
  const timeouts = Array<number>(Timeout.COUNT * Timeout.SETS).fill(0);
  for (const [state, seconds] of Object.entries(TCP_SECONDS)) {
    timeouts[TcpState[state as keyof typeof TCP_SECONDS]] = ticks(seconds, jiffiesPerSecond);
  }
  timeouts[Timeout.UDP] = ticks(DEFAULT_SETTINGS.timeouts.udp, jiffiesPerSecond);
  for (const [state, seconds] of Object.entries(SCTP_SECONDS)) {
    timeouts[Timeout.SCTP + SctpState[state as keyof typeof SCTP_SECONDS]] = ticks(seconds, jiffiesPerSecond);
  }
  timeouts[Timeout.LINGER] = ticks(LINGER_SECONDS, jiffiesPerSecond);
  return timeouts;
}

/** The timeouts of everybody's set. */
export function commonTimeouts(all: readonly number[], jiffiesPerSecond: number): Required<Timeouts> {
  const read = (name: keyof Timeouts) => seconds(all[SETTABLE[name].place] ?? 0, jiffiesPerSecond);
  return { tcp: read("tcp"), tcpFin: read("tcpFin"), udp: read("udp") };
}

/** What a set has of its own; undefined of everybody's. */
export function ownTimeouts(all: readonly number[], set: number, jiffiesPerSecond: number): Timeouts | undefined {
  const own = all[set * Timeout.COUNT + Timeout.OWN] ?? 0;
  const names = set === 0 ? [] : SETTABLE_NAMES.filter((name) => (own & SETTABLE[name].own) !== 0);
  if (names.length === 0) return undefined;
  return Object.fromEntries(
    names.map((name) => [name, seconds(all[set * Timeout.COUNT + SETTABLE[name].place] ?? 0, jiffiesPerSecond)]),
  ) as Timeouts;
}

/** Sets of which the common values are others; what a set has of its own it keeps. */
export function withCommonTimeouts(all: readonly number[], common: Required<Timeouts>, jiffiesPerSecond: number): number[] {
  return all.map((present, i) => {
    const own = all[i - (i % Timeout.COUNT) + Timeout.OWN] ?? 0;
    const name = SETTABLE_NAMES.find((each) => SETTABLE[each].place === i % Timeout.COUNT);
    if (name === undefined) return present;
    const set = Math.floor(i / Timeout.COUNT);
    // A set that nobody has written yet is left empty.
    return set !== 0 && (own === 0 || (own & SETTABLE[name].own) !== 0) ? present : ticks(common[name], jiffiesPerSecond);
  });
}

export interface SetRequest {
  /** What the service wants; nothing: everybody's set. */
  readonly timeouts: Timeouts | undefined;
  /** The set that it has. */
  readonly present: number;
  /** The sets of all other services. */
  readonly others: ReadonlySet<number>;
}

/**
 * The set for a service, and the sets with it written. Services that want the same share one; a service that is alone with its set keeps the
 * number, so that its connections get the new timeouts with their next packet, as with `ipvsadm --set`.
 */
export function placeTimeouts(
  all: readonly number[],
  { timeouts, present, others }: SetRequest,
  jiffiesPerSecond: number,
): { readonly set: number; readonly timeouts: readonly number[] } {
  const names = SETTABLE_NAMES.filter((name) => timeouts?.[name] !== undefined);
  if (names.length === 0) return { set: 0, timeouts: all };
  const content = all.slice(0, Timeout.COUNT);
  for (const name of names) {
    content[SETTABLE[name].place] = ticks(timeouts?.[name] ?? 0, jiffiesPerSecond);
    content[Timeout.OWN] = (content[Timeout.OWN] ?? 0) | SETTABLE[name].own;
  }
  const shared = [...others].find((set) => set !== 0 && content.every((value, i) => value === all[set * Timeout.COUNT + i]));
  if (shared !== undefined) return { set: shared, timeouts: all };
  const set = present !== 0 && !others.has(present) ? present : unusedSet(all, others);
  return { set, timeouts: all.toSpliced(set * Timeout.COUNT, Timeout.COUNT, ...content) };
}

/** One that was never written comes first: connections may still live by the others. */
function unusedSet(all: readonly number[], used: ReadonlySet<number>): number {
  const sets = Array.from({ length: Timeout.SETS - 1 }, (_, i) => i + 1).filter((set) => !used.has(set));
  const set = sets.find((each) => all[each * Timeout.COUNT + Timeout.OWN] === 0) ?? sets[0];
  if (set !== undefined) return set;
  throw new EvenkeelError("LIMIT_REACHED", `the packet path has room for ${Timeout.SETS - 1} different timeouts of services`, {
    cure: "give more services the same timeouts, or none of their own",
  });
}

/** Rounded up, and one for the tick that is running: nothing ends before its time. */
export function ticks(seconds: number, jiffiesPerSecond: number): number {
  return Math.ceil((seconds * jiffiesPerSecond) / 2 ** Limits.TICK_SHIFT) + 1;
}

export function tickMs(jiffiesPerSecond: number): number {
  return (1000 * 2 ** Limits.TICK_SHIFT) / jiffiesPerSecond;
}

/** The whole seconds that were made into so many ticks. */
export function seconds(of: number, jiffiesPerSecond: number): number {
  return Math.floor(((of - 1) * 2 ** Limits.TICK_SHIFT) / jiffiesPerSecond);
}
