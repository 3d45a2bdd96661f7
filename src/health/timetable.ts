/**
 * When one check starts, and when it is given up. Starts stand on a grid: a check of phase 0.25 starts a quarter of its interval after each
 * full one, so checks whose phases are spread (spreadPhase) start evenly, for ever. One at a time: a start that finds the last one
 * under way is left out, not made up for. While a server is uncertain it is looked at more often; after that the check goes back to its grid.
 */

import type { Machine, Step } from "../model/machine.ts";

export interface TimetableConfig {
  readonly intervalMs: number;
  /** While uncertain; at most `intervalMs`. */
  readonly fastIntervalMs: number;
  /** A check that took so long is given up. May be longer than the interval. */
  readonly timeoutMs: number;
  /** Where on the grid: 0 to 1. */
  readonly phase: number;
  /** The part of the interval, 0 to 1, by which a start may come later than its place on the grid, differently each time. */
  readonly jitter: number;
  /** Makes one check's jitter another than its neighbour's. */
  readonly seed: number;
}

interface Standing {
  /** Checks that were started. */
  readonly round: number;
  /** The place on the grid that is to be used next, or was used last. */
  readonly placeMs: number;
  readonly uncertain: boolean;
}

export type TimetableState =
  | (Standing & { readonly kind: "waiting"; readonly startMs: number; readonly lastStartMs: number | undefined })
  /** `abandonMs` is undefined once it was given up; what remains is to wait for its end. */
  | (Standing & { readonly kind: "checking"; readonly startedMs: number; readonly abandonMs: number | undefined });

export type TimetableEvent =
  | { readonly kind: "woken" }
  /** The check is over. */
  | { readonly kind: "ended" }
  | { readonly kind: "doubt"; readonly uncertain: boolean };

export type TimetableAction =
  | { readonly kind: "start" }
  /** End it; "ended" follows. */
  | { readonly kind: "abandon" };

/** The place of the check `index`: the golden section puts each new one into the largest gap, however many there will be. */
export function spreadPhase(index: number): number {
  return (index * 0.6180339887498949) % 1;
}

export const timetable = {
  start(config, nowMs) {
    const offsetMs = config.phase * config.intervalMs;
    const placeMs = offsetMs + Math.ceil((nowMs - offsetMs) / config.intervalMs) * config.intervalMs;
    return wait(config, { round: 0, placeMs, uncertain: false, lastStartMs: undefined }, nowMs);
  },

  step(config, state, event, nowMs) {
    switch (event.kind) {
      case "woken":
        return woken(config, state, nowMs);
      case "ended":
        if (state.kind === "waiting") return { state, actions: [] };
        return { state: wait(config, { ...state, lastStartMs: state.startedMs }, nowMs), actions: [] };
      case "doubt":
        return { state: doubted(config, state, event.uncertain, nowMs), actions: [] };
    }
  },

  deadlineMs(state) {
    return state.kind === "waiting" ? state.startMs : state.abandonMs;
  },
} satisfies Machine<TimetableConfig, TimetableState, TimetableEvent, TimetableAction>;

function woken(config: TimetableConfig, state: TimetableState, nowMs: number): Step<TimetableState, TimetableAction> {
  const { round, placeMs, uncertain } = state;
  if (state.kind === "waiting") {
    if (nowMs < state.startMs) return { state, actions: [] };
    return {
      state: { kind: "checking", round: round + 1, placeMs, uncertain, startedMs: nowMs, abandonMs: nowMs + config.timeoutMs },
      actions: [{ kind: "start" }],
    };
  }
  if (state.abandonMs === undefined || nowMs < state.abandonMs) return { state, actions: [] };
  return { state: { ...state, abandonMs: undefined }, actions: [{ kind: "abandon" }] };
}

function doubted(config: TimetableConfig, state: TimetableState, uncertain: boolean, nowMs: number): TimetableState {
  if (state.uncertain === uncertain) return state;
  return state.kind === "checking" ? { ...state, uncertain } : wait(config, { ...state, uncertain }, nowMs);
}

function wait(
  config: TimetableConfig,
  { round, placeMs, uncertain, lastStartMs }: Standing & { readonly lastStartMs: number | undefined },
  nowMs: number,
): TimetableState {
  const place = nextPlace(config, { placeMs, round, lastStartMs }, nowMs);
  const regularMs = place + lateness(config, round);
  const soonMs = lastStartMs === undefined ? nowMs : Math.max(nowMs, lastStartMs + config.fastIntervalMs);
  return { kind: "waiting", round, placeMs: place, uncertain, lastStartMs, startMs: uncertain ? Math.min(regularMs, soonMs) : regularMs };
}

/** The place stays until it was used or went by. */
function nextPlace(
  config: TimetableConfig,
  { placeMs, round, lastStartMs }: { placeMs: number; round: number; lastStartMs: number | undefined },
  nowMs: number,
): number {
  const used = lastStartMs !== undefined && lastStartMs >= placeMs;
  if (!used && placeMs + lateness(config, round) >= nowMs) return placeMs;
  return placeMs + (Math.floor((nowMs - placeMs) / config.intervalMs) + 1) * config.intervalMs;
}

function lateness({ intervalMs, jitter, seed }: TimetableConfig, round: number): number {
  return jitter * intervalMs * chance(seed, round);
}

/** 0 up to 1, the same for the same arguments: a decision has no dice. (mulberry32) */
function chance(seed: number, round: number): number {
  let mixed = (Math.imul(seed, 0x9e3779b1) + Math.imul(round + 1, 0x6d2b79f5)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
