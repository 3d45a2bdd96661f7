/** What a configuration has to know of the kinds of health checks. Implemented over the kinds themselves (checker/check-kinds.ts). */

import type { Path } from "./complaint.ts";
import type { Shape } from "./mapping.ts";

export interface CheckMistake {
  /** Within the options. */
  readonly path: Path;
  readonly text: string;
  /** The key itself is wrong, not what it holds. */
  readonly part?: "key";
}

export interface CheckKinds {
  readonly names: readonly string[];
  /** Its options, for the schema and for "did you mean". */
  shapeOf(kind: string): Shape;
  /** What is wrong with the options of a kind of `names`. */
  mistakesIn(kind: string, options: unknown): readonly CheckMistake[];
}

/** The keys of a check beside its kind. */
export const CHECK_TIMES = ["interval", "timeout", "fast_interval", "jitter", "rise", "fall", "clients_way"] as const;

/** Kinds that a director can send through its own forwarding to one server, as a client's packets. */
export const CLIENTS_WAY_KINDS: readonly string[] = ["tcp", "http", "https", "tls", "udp", "dns", "smtp", "grpc"];

/** Kinds that look at no port. */
export const KINDS_WITHOUT_PORT: readonly string[] = ["ping", "script"];

/** Kinds that name weights of their own. */
export const KINDS_WITH_WEIGHT: readonly string[] = ["agent", "script"];
