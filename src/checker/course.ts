/**
 * The course of one check: it goes through phases, opens things that are closed at its end whatever happens, and is cut off by its signal.
 * The work inside may just wait: when the signal comes, the verdict stands at once and what is open is closed under its feet.
 */

import type { Advice, Details, Phase, Verdict } from "../model/health.ts";
import { asError, Failure, faultOf, Unable } from "./fault.ts";

/** What a check that came to its end has found. */
export interface Finding {
  readonly advice?: Advice;
  /** The server said itself that it is not well. */
  readonly refusal?: string;
}

export const PASSED: Finding = {};

interface Closable {
  destroy(): unknown;
}

export class Course {
  readonly #open: Closable[] = [];
  readonly #details: Record<string, string | number | boolean> = {};
  #phase: Phase = "prepare";
  #over = false;

  get phase(): Phase {
    return this.#phase;
  }

  get details(): Details {
    return this.#details;
  }

  enter(phase: Phase): void {
    if (!this.#over) this.#phase = phase;
  }

  /** Will be closed at the end; what comes too late is closed at once. */
  own<T extends Closable>(resource: T): T {
    if (this.#over) resource.destroy();
    else this.#open.push(resource);
    return resource;
  }

  note(name: string, value: string | number | boolean): void {
    if (!this.#over) this.#details[name] = value;
  }

  end(): void {
    this.#over = true;
    for (const resource of this.#open.splice(0).toReversed()) resource.destroy();
  }
}

export function runCourse(signal: AbortSignal, work: (course: Course) => Promise<Finding>): Promise<Verdict> {
  const startMs = performance.now();
  const course = new Course();
  return new Promise((done, broken) => {
    let over = false;
    const finish = (judge: (durationMs: number) => Verdict): void => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", onAbort);
      const durationMs = Math.round((performance.now() - startMs) * 1000) / 1000;
      const verdict = judge(durationMs);
      course.end();
      done(verdict);
    };
    const judged = (durationMs: number) => ({ phase: course.phase, durationMs, details: course.details });
    const onAbort = (): void =>
      finish((durationMs) =>
        isTimeout(signal.reason)
          ? { ...judged(durationMs), outcome: "fail", reason: `${LATE[course.phase]} within ${Math.round(durationMs)} ms` }
          : {
              ...judged(durationMs),
              outcome: "unable",
              reason: signal.reason instanceof Unable ? signal.reason.message : "the check was stopped",
            },
      );
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort);
    work(course).then(
      ({ advice, refusal }) =>
        finish((durationMs) => {
          const common = { ...judged(durationMs), ...(advice === undefined ? {} : { advice }) };
          return refusal === undefined ? { ...common, outcome: "pass" } : { ...common, outcome: "fail", reason: refusal };
        }),
      (error: unknown) => {
        const fault = faultOf(error);
        // Not of the world: a bug, which must not pass for a sick server. What broke because it was closed does not count.
        if (fault === undefined && !over) {
          over = true;
          signal.removeEventListener("abort", onAbort);
          course.end();
          broken(asError(error));
        }
        if (fault instanceof Failure) finish((durationMs) => ({ ...judged(durationMs), outcome: "fail", reason: fault.message }));
        if (fault instanceof Unable) finish((durationMs) => ({ ...judged(durationMs), outcome: "unable", reason: fault.message }));
      },
    );
  });
}

/** As AbortSignal.timeout() says it. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

const LATE: Readonly<Record<Phase, string>> = {
  prepare: "nothing was begun",
  resolve: "the name was not resolved",
  connect: "no connection",
  tls: "the TLS handshake was not over",
  request: "the request could not be sent",
  response: "no whole answer",
  match: "the answer was not judged",
};
