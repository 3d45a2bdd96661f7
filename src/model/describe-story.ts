/** An entry of the journal as one line for people: what `evenkeel events` prints, and the message of a log line. */

import type { Cause, Finding, JournalEntry, Story } from "./journal.ts";
import type { OverrideWish } from "./override.ts";

/** With its cause where that is not plain from the story. */
export function describeEntry({ story, cause }: JournalEntry): string {
  const why = describeCause(cause, story);
  return `${describeStory(story)}${why === "" ? "" : ` (${why})`}`;
}

export function describeStory(story: Story): string {
  const subject = subjectOf(story);
  return `${subject === "" ? "" : `${subject}: `}${whatHappened(story)}`;
}

/** "web tcp 192.0.2.10:80, 10.0.0.11:80" */
function subjectOf(story: Story): string {
  if (story.event === "change" || !("service" in story) || story.service === undefined) return "";
  const label = "label" in story && story.label !== undefined ? `${story.label} ` : "";
  const server = "server" in story && story.server !== undefined ? `, ${story.server}` : "";
  return `${label}${story.service}${server}`;
}

function whatHappened(story: Story): string {
  switch (story.event) {
    case "director-started":
      return `director ${story.version} started as process ${story.pid}, with ${list(story.capabilities, "no capabilities")}`;
    case "director-stopped":
      return `director stopped: ${story.reason}; the packet path ${story.teardown ? "was taken away" : "forwards on"}`;
    case "configuration-applied":
      return `configuration ${story.id} applied from ${story.file}, ${counted(story.changes, "change")}${confirmation(story.confirmWithinMs)}`;
    case "configuration-refused":
      return `configuration ${story.file} refused: ${list(story.complaints, "no reason given", "; ")}`;
    case "configuration-confirmed":
      return `configuration ${story.id} confirmed`;
    case "configuration-rolled-back":
      return `configuration ${story.id} rolled back`;
    case "change":
      return story.text;
    case "change-failed":
      return `failed: ${story.text}: ${story.reason}${story.retryMs === undefined ? "" : `; again in ${seconds(story.retryMs)}`}`;
    case "verdict":
      return `${describeFinding(story)}${story.repeated > 0 ? ` (before that, ${counted(story.repeated, "time")} the other way)` : ""}`;
    case "server-up":
      return `up${after(story.after)}`;
    case "server-down":
      return `down${after(story.after)}`;
    case "server-weight":
      return `weight ${story.before} -> ${story.weight}`;
    case "quorum-gained":
      return "the quorum is there again";
    case "quorum-lost":
      return "the quorum is lost";
    case "sorry-server-in":
      return "the sorry server serves";
    case "sorry-server-out":
      return "the sorry server rests";
    case "override-set":
      return `${describeWish(story.wish)}${story.before === undefined ? "" : `, instead of: ${describeWish(story.before)}`}`;
    case "override-cleared":
      return `no longer: ${describeWish(story.wish)}`;
    case "drain-finished":
      return "drained: no connection is left";
    case "drain-cut":
      return `the drain's deadline is over: ${counted(story.connections, "connection")} cut`;
    case "templates-cut":
      return `${counted(story.templates, "persistence template")} cut`;
    case "drift":
      return `the kernel held something else; healed by: ${list(story.changes, "nothing", "; ")}`;
    case "adopted":
      return `kept beside the configuration: ${list(story.changes, "nothing", "; ")}`;
    case "adopted-forgotten":
      return `no longer kept beside the configuration: ${list(story.changes, "nothing", "; ")}`;
    case "edited":
      return `edited by hand: ${list(story.edits, "nothing", "; ")}`;
    case "network":
      return story.what;
    case "warning":
    case "journal":
      return story.text;
    case "script":
      return `script ${story.script} ${story.outcome} after ${seconds(story.durationMs)}${story.reason === undefined ? "" : `: ${story.reason}`}`;
  }
}

/** "http :80/healthz failed after 12 ms: response: status 503" */
export function describeFinding({ check, outcome, phase, durationMs, reason }: Finding): string {
  const verb = { pass: "passed", fail: "failed", unable: "could not be made" }[outcome];
  const why = outcome === "pass" ? "" : `: ${phase}${reason === undefined ? "" : `: ${reason}`}`;
  return `${check} ${verb} after ${seconds(durationMs)}${why}`;
}

export function describeWish(wish: OverrideWish): string {
  switch (wish.kind) {
    case "drain":
      return wish.deadlineMs === undefined ? "draining" : `draining for at most ${seconds(wish.deadlineMs)}`;
    case "weight":
      return `weight ${wish.weight} by an operator`;
    case "disable":
      return "disabled";
  }
}

/** Empty where the story says it already. */
export function describeCause(cause: Cause, story?: Story): string {
  switch (cause.kind) {
    case "operator":
      return `by ${cause.by}${cause.reason === undefined ? "" : `: ${cause.reason}`}`;
    case "reload":
    case "apply":
    case "undo":
      return `${cause.kind}${cause.by === undefined ? "" : ` by ${cause.by}`}`;
    case "not-confirmed":
      return "it was not confirmed in time";
    case "network":
      return story?.event === "network" ? "" : cause.what;
    case "drift":
      return story?.event === "drift" ? "" : "the kernel held something else";
    case "health":
      return story?.event === "change" ? "health" : "";
    case "deadline":
      return story?.event === "change" ? "deadline" : "";
    case "start":
    case "stop":
      return story?.event.startsWith("director-") ? "" : `at the ${cause.kind}`;
    case "host":
      return "";
  }
}

function confirmation(withinMs: number | undefined): string {
  return withinMs === undefined ? "" : `; it has to be confirmed within ${seconds(withinMs)}`;
}

function after(findings: readonly Finding[]): string {
  return findings.length === 0 ? "" : `: ${findings.map(describeFinding).join("; ")}`;
}

/** Thousands of changes are one story, and should not be one line. */
const LISTED_MAX = 20;

function list(words: readonly string[], otherwise: string, between = ", "): string {
  if (words.length === 0) return otherwise;
  const shown = words.slice(0, LISTED_MAX).join(between);
  return words.length > LISTED_MAX ? `${shown}${between}and ${words.length - LISTED_MAX} more` : shown;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** "12 ms", "1.5 s" */
function seconds(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(1))} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
