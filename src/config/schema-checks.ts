/**
 * Health checks in evenkeel.yaml. A check is a mapping of its kind to the kind's options, with the times beside it:
 *
 *   checks:
 *     - tcp
 *     - { http: { path: /healthz }, interval: 1s, timeout: 500ms, rise: 2, fall: 3, fast_interval: 200ms }
 *
 * The options belong to the kind (config/check-kinds.ts).
 */

import { duration, fraction, toggle, wholeNumber } from "./fields.ts";
import type { Shape } from "./mapping.ts";

export const DEFAULT_INTERVAL_MS = 2000;
/** At most: a check that is made more often has the interval for its timeout. */
export const DEFAULT_TIMEOUT_MS = 2000;
export const DEFAULT_RISE = 2;
export const DEFAULT_FALL = 3;

const LEAST_MS = 10;
const HOUR_MS = 3_600_000;
const TIMES_MAX = 1000;

/** Beside these the kind. */
export const checkShape = {
  interval: duration({ noun: "interval", leastMs: LEAST_MS, greatestMs: 24 * HOUR_MS })
    .prefault("2s")
    .describe("From the start of one check to the start of the next; 2s when left out."),
  timeout: duration({ noun: "timeout", leastMs: LEAST_MS, greatestMs: HOUR_MS })
    .optional()
    .describe("A check that takes longer has failed; left out: the interval, but at most 2s."),
  fast_interval: duration({ noun: "fast_interval", leastMs: LEAST_MS, greatestMs: 24 * HOUR_MS })
    .optional()
    .describe("In the interval's place while the last results contradict what is known; the interval when left out."),
  jitter: fraction("jitter")
    .default(0)
    .describe("The part of the interval, 0 to 1, by which a start may come late at random. Checks are spread evenly without it."),
  rise: wholeNumber({ noun: "rise", least: 1, greatest: TIMES_MAX })
    .default(DEFAULT_RISE)
    .describe("So many passes in a row bring a server up; 2 when left out."),
  fall: wholeNumber({ noun: "fall", least: 1, greatest: TIMES_MAX })
    .default(DEFAULT_FALL)
    .describe("So many failures in a row take a server out; 3 when left out."),
  clients_way: toggle
    .default(false)
    .describe("DR and TUN: sent to the virtual address and forwarded to this server as a client's packets are."),
} satisfies Shape;
