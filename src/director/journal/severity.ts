/** How much each story matters: syslog's words, so that log, filters and notify scripts have one scale. */

import type { Severity, Story, StoryEvent } from "../../model/journal.ts";

/** From the least to the most. */
export const SEVERITIES = ["debug", "info", "notice", "warning", "error"] as const satisfies readonly Severity[];

const SEVERITY = {
  "director-started": "notice",
  "director-stopped": "notice",
  "configuration-applied": "notice",
  "configuration-refused": "error",
  "configuration-confirmed": "notice",
  "configuration-rolled-back": "warning",
  change: "info",
  "change-failed": "error",
  verdict: "info",
  "server-up": "notice",
  "server-down": "warning",
  "server-weight": "info",
  "quorum-gained": "notice",
  "quorum-lost": "error",
  "sorry-server-in": "warning",
  "sorry-server-out": "notice",
  "override-set": "notice",
  "override-cleared": "notice",
  "drain-finished": "notice",
  "drain-cut": "warning",
  "templates-cut": "info",
  drift: "warning",
  adopted: "notice",
  "adopted-forgotten": "notice",
  edited: "notice",
  network: "notice",
  warning: "warning",
  script: "info",
  journal: "warning",
} as const satisfies Record<StoryEvent, Severity>;

export function severityOf(story: Story): Severity {
  // The director could not do what it was asked for.
  if (story.event === "script" && story.outcome !== "done") return "warning";
  if (story.event === "verdict" && story.outcome === "unable") return "warning";
  return SEVERITY[story.event];
}

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
