/** Which scripts an entry of the journal runs, and what they are told: pure. */

import type { Command, Configuration } from "../../config/configuration.ts";
import { describeEntry } from "../../model/describe-story.ts";
import type { JournalEntry } from "../../model/journal.ts";
import { serviceName } from "../../model/service.ts";
import { subjectOf } from "./event-query.ts";
import { isAtLeast } from "./severity.ts";

export interface Job {
  readonly command: Command;
  readonly user?: string;
  readonly timeoutMs: number;
}

/** A queue of jobs that run one after the other. */
export interface Lane {
  /** Lanes with the same key before and after a reload are one. */
  readonly key: string;
  /** undefined: the entry is not for this lane. */
  jobOf(entry: JournalEntry): Job | undefined;
}

const QUORUM_TIMEOUT_MS = 30_000;
const VALUE_MAX = 4096;

export function lanesOf({ notify, services }: Pick<Configuration, "notify" | "services">): readonly Lane[] {
  const rules = notify.map((rule, i): Lane => {
    const { command, user, timeoutMs, events } = rule;
    const job = { command, ...(user === undefined ? {} : { user }), timeoutMs };
    return {
      // The same command twice is two lanes.
      key: JSON.stringify([job, events, notify.slice(0, i).filter((other) => sameRule(other, rule)).length]),
      jobOf: ({ severity, story }) => {
        // Neither its own outcome nor that of another, which could be told of this one's: nothing would end it.
        if (story.event === "script") return undefined;
        return (events === undefined ? isAtLeast(severity, "notice") : events.includes(story.event)) ? job : undefined;
      },
    };
  });
  const quorums = services
    .filter(({ onQuorumUp, onQuorumDown }) => onQuorumUp !== undefined || onQuorumDown !== undefined)
    .map((service): Lane => {
      const name = serviceName(service);
      const commands = new Map([
        ["quorum-gained", service.onQuorumUp],
        ["quorum-lost", service.onQuorumDown],
      ]);
      return {
        // Up and down in one lane: in their order.
        key: `quorum of ${name}`,
        jobOf: ({ story }) => {
          // Asked of each entry for each service: what is quick and mostly settles it comes first.
          const command = commands.get(story.event);
          return command !== undefined && subjectOf(story).service === name ? { command, timeoutMs: QUORUM_TIMEOUT_MS } : undefined;
        },
      };
    });
  return [...rules, ...quorums];
}

function sameRule(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a script finds in its environment. */
export function scriptEnvironment(entry: JournalEntry): Readonly<Record<string, string>> {
  const { service, label, server } = subjectOf(entry.story);
  const values = {
    EVENKEEL_SEQ: String(entry.seq),
    EVENKEEL_TIME: new Date(entry.atMs).toISOString(),
    EVENKEEL_EVENT: entry.story.event,
    EVENKEEL_SEVERITY: entry.severity,
    EVENKEEL_CAUSE: entry.cause.kind,
    EVENKEEL_TEXT: describeEntry(entry),
    EVENKEEL_SERVICE: service,
    EVENKEEL_LABEL: label,
    EVENKEEL_SERVER: server,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      // Some of it comes from servers: no line feeds, no zero bytes, and an end.
      value === undefined ? [] : [[name, value.slice(0, VALUE_MAX).replaceAll(/\p{Cc}/gu, " ")]],
    ),
  );
}
