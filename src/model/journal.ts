/**
 * The story of a director: each change, verdict, override and decision once, with its cause. Log lines, the event stream, metrics and notify scripts
 * are readers of it; there is no other log. Names here are what people see and filter by, in JSON too.
 */

import type { Details, Phase } from "./health.ts";
import type { OverrideWish } from "./override.ts";

/** Why something happened. */
export type Cause =
  | { readonly kind: "start" | "stop" }
  /** The file was read anew (SIGHUP), or given by the API. */
  | { readonly kind: "reload" | "apply" | "undo"; readonly by?: string }
  /** A configuration was not confirmed in time. */
  | { readonly kind: "not-confirmed" }
  | { readonly kind: "operator"; readonly by: string; readonly reason?: string }
  | { readonly kind: "health" }
  | { readonly kind: "deadline" }
  /** This host: a disk that fails, a script that ran. */
  | { readonly kind: "host" }
  /** The kernel did not hold what it was last given. */
  | { readonly kind: "drift" }
  /** A link, an address, a route or a neighbour changed. */
  | { readonly kind: "network"; readonly what: string };

export type Severity = "debug" | "info" | "notice" | "warning" | "error";

interface OfService {
  /** serviceName(): "tcp 192.0.2.1:80", "mark 1 ipv4". */
  readonly service: string;
  /** What people call it, if the configuration says. */
  readonly label?: string;
}

interface OfServer extends OfService {
  /** serverName(): "10.0.0.11:80". */
  readonly server: string;
}

/** What a check said, in short. */
export interface Finding {
  readonly check: string;
  readonly outcome: "pass" | "fail" | "unable";
  readonly phase: Phase;
  readonly durationMs: number;
  readonly reason?: string;
  readonly details?: Details;
}

export type Story =
  | { readonly event: "director-started"; readonly version: string; readonly pid: number; readonly capabilities: readonly string[] }
  | { readonly event: "director-stopped"; readonly reason: string; readonly teardown: boolean }
  /** `id`: its place in the history. */
  | {
      readonly event: "configuration-applied";
      readonly id: number;
      readonly file: string;
      readonly changes: number;
      readonly confirmWithinMs?: number;
    }
  | { readonly event: "configuration-refused"; readonly file: string; readonly complaints: readonly string[] }
  | { readonly event: "configuration-confirmed" | "configuration-rolled-back"; readonly id: number }
  /** Of the packet path; `text` as `plan` says it. */
  | {
      readonly event: "change";
      readonly change: string;
      readonly text: string;
      readonly service?: string;
      readonly label?: string;
      readonly server?: string;
    }
  | { readonly event: "change-failed"; readonly text: string; readonly reason: string; readonly retryMs?: number }
  /** Told when it differs from what the same check said last: `repeated` is how often it had said that. */
  | (OfServer & { readonly event: "verdict"; readonly repeated: number } & Finding)
  | (OfServer & { readonly event: "server-up" | "server-down"; readonly after: readonly Finding[] })
  | (OfServer & { readonly event: "server-weight"; readonly weight: number | "out"; readonly before: number | "out" })
  | (OfService & { readonly event: "quorum-gained" | "quorum-lost" | "sorry-server-in" | "sorry-server-out" })
  | (OfServer & { readonly event: "override-set"; readonly wish: OverrideWish; readonly before?: OverrideWish })
  | (OfServer & { readonly event: "override-cleared"; readonly wish: OverrideWish })
  /** `connections`: how many were left and were cut. */
  | (OfServer & { readonly event: "drain-finished" | "drain-cut"; readonly connections: number })
  | (OfServer & { readonly event: "templates-cut"; readonly templates: number })
  /** The kernel holds something else: `changes` is what brings it back, or what was adopted. */
  | { readonly event: "drift" | "adopted" | "adopted-forgotten"; readonly changes: readonly string[] }
  /** By ipvsadm or the API's edits. */
  | { readonly event: "edited"; readonly edits: readonly string[] }
  | { readonly event: "network"; readonly what: string }
  | { readonly event: "warning"; readonly text: string }
  | {
      readonly event: "script";
      readonly script: string;
      readonly outcome: "done" | "failed" | "cut" | "skipped";
      readonly reason?: string;
      readonly durationMs: number;
    }
  | { readonly event: "journal"; readonly text: string };

export type StoryEvent = Story["event"];

const EVENTS = {
  "director-started": true,
  "director-stopped": true,
  "configuration-applied": true,
  "configuration-refused": true,
  "configuration-confirmed": true,
  "configuration-rolled-back": true,
  change: true,
  "change-failed": true,
  verdict: true,
  "server-up": true,
  "server-down": true,
  "server-weight": true,
  "quorum-gained": true,
  "quorum-lost": true,
  "sorry-server-in": true,
  "sorry-server-out": true,
  "override-set": true,
  "override-cleared": true,
  "drain-finished": true,
  "drain-cut": true,
  "templates-cut": true,
  drift: true,
  adopted: true,
  "adopted-forgotten": true,
  edited: true,
  network: true,
  warning: true,
  script: true,
  journal: true,
} satisfies Record<StoryEvent, true>;

/** All of them, for those who filter by name. */
export const STORY_EVENTS = Object.keys(EVENTS) as [StoryEvent, ...StoryEvent[]];

export interface JournalEntry {
  /** Goes up by one, also over restarts. */
  readonly seq: number;
  /** Wall clock, milliseconds. */
  readonly atMs: number;
  readonly severity: Severity;
  readonly cause: Cause;
  /** The entry that led to this one. */
  readonly because?: number;
  readonly story: Story;
}

/** How things are told: the one place that they are told to. Returns the entry's number, for what follows from it. */
export interface Journal {
  tell(story: Story, cause: Cause, because?: number): number;
}
