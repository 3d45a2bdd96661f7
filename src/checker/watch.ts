/** Makes checks again and again, each by its timetable on the real clock, until its signal says that it is enough. */

import { type TimetableAction, type TimetableConfig, type TimetableEvent, timetable } from "../health/timetable.ts";
import type { Verdict } from "../model/health.ts";
import type { PreparedCheck, Target } from "./checker.ts";
import type { Dial } from "./dial.ts";
import { asError, Unable } from "./fault.ts";
import type { Stalls } from "./stalls.ts";

export interface WatchedCheck {
  readonly target: Target;
  readonly check: PreparedCheck;
  readonly times: TimetableConfig;
}

export interface Watch {
  readonly dial: Dial;
  readonly signal: AbortSignal;
  /** Checks whose time ran out while nobody looked at sockets are none. */
  readonly stalls?: Stalls;
  /** `index`: which of the checks. Returns whether it should be made more often now. */
  readonly heard: (index: number, verdict: Verdict) => boolean;
}

/** As checks know it from AbortSignal.timeout(); one for all, because to make one costs a stack. */
const LATE = new DOMException("the deadline of the check", "TimeoutError");

/** Our own fault, when so much of a check's time was lost. */
const STALLED_PART = 0.25;
/** A host that is always as busy as that would never find a server dead: after so many in a row the next one counts. */
const STALLED_MAX = 5;
const STALLED = new Unable("this host was too busy to look at the answer in time");

/** Resolves when the signal was given and no check is under way any more. */
export async function watchChecks(checks: readonly WatchedCheck[], watch: Watch): Promise<void> {
  await Promise.all(checks.map((check, index) => watchOne(check, index, watch)));
}

function watchOne({ target, check, times }: WatchedCheck, index: number, { dial, signal, heard, stalls }: Watch): Promise<void> {
  return new Promise((done, fail) => {
    let state = timetable.start(times, performance.now());
    let timer: NodeJS.Timeout | undefined;
    let underWay: AbortController | undefined;
    let lostBeforeMs = 0;
    let stalledInRow = 0;

    const stop = (): void => {
      clearTimeout(timer);
      underWay?.abort(signal.reason);
      if (underWay === undefined) done();
    };
    const giveUp = (error: unknown): void => {
      signal.removeEventListener("abort", stop);
      clearTimeout(timer);
      fail(asError(error));
    };
    const happen = (event: TimetableEvent): void => {
      const step = timetable.step(times, state, event, performance.now());
      state = step.state;
      step.actions.forEach(perform);
      if (event.kind === "doubt") return;
      clearTimeout(timer);
      const wakeMs = timetable.deadlineMs(state);
      if (wakeMs !== undefined && !signal.aborted)
        timer = setTimeout(() => happen({ kind: "woken" }), Math.max(0, Math.ceil(wakeMs - performance.now())));
    };
    const perform = ({ kind }: TimetableAction): void => {
      if (kind === "start") void look();
      // Timers come before sockets: what has arrived by now counts.
      else setImmediate(abandon, underWay);
    };
    const abandon = (late: AbortController | undefined): void => {
      if (late !== underWay) return;
      const lostMs = stalls === undefined ? 0 : stalls.totalMs() - lostBeforeMs;
      const isOurs = lostMs > times.timeoutMs * STALLED_PART && stalledInRow < STALLED_MAX;
      stalledInRow = isOurs ? stalledInRow + 1 : 0;
      late?.abort(isOurs ? STALLED : LATE);
    };
    const look = async (): Promise<void> => {
      const controller = new AbortController();
      underWay = controller;
      lostBeforeMs = stalls?.totalMs() ?? 0;
      try {
        const verdict = await check(target, { dial, signal: controller.signal });
        underWay = undefined;
        if (!controller.signal.aborted) stalledInRow = 0;
        if (!signal.aborted) happen({ kind: "doubt", uncertain: heard(index, verdict) });
        if (signal.aborted) done();
        else happen({ kind: "ended" });
      } catch (error) {
        giveUp(error);
      }
    };
    if (signal.aborted) {
      done();
      return;
    }
    signal.addEventListener("abort", stop, { once: true });
    happen({ kind: "woken" });
  });
}
