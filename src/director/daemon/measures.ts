/** What a director measures of itself: the checks that it made, and how late its event loop is. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Verdict } from "../../model/health.ts";
import type { Measures } from "../director.ts";

type Checks = Measures["checks"][number];

export class OwnMeasures {
  readonly #loop = monitorEventLoopDelay({ resolution: 10 });
  readonly #checks = new Map<string, { -readonly [Each in keyof Checks]: Checks[Each] }>();

  constructor() {
    this.#loop.enable();
  }

  /** By kind and outcome, since the director started. */
  get checks(): readonly Checks[] {
    return [...this.#checks.values()].map((each) => ({ ...each }));
  }

  /** The ninety-ninth percentile since the director started. */
  get eventLoopLagSeconds(): number {
    return Math.max(0, this.#loop.percentile(99) / 1e9);
  }

  /** A check ended. */
  count(kind: string, { outcome, durationMs }: Verdict): void {
    const key = `${kind} ${outcome}`;
    const counted = this.#checks.get(key) ?? { kind, outcome, count: 0, seconds: 0 };
    counted.count++;
    counted.seconds += durationMs / 1000;
    this.#checks.set(key, counted);
  }

  stop(): void {
    this.#loop.disable();
  }
}
