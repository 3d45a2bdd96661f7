/** Which entries a reader asks for: the same question to memory (a test of an entry) and to the disk (a condition of SQL). */

import type { JournalEntry, Story } from "../../model/journal.ts";
import type { EventQuery } from "../director.ts";
import { isAtLeast, SEVERITIES } from "./severity.ts";

/** Whether the entry is meant, whatever the limit. */
export function matches(query: EventQuery, entry: JournalEntry): boolean {
  const { service, label, server } = subjectOf(entry.story);
  return (
    (query.after === undefined || entry.seq > query.after) &&
    (query.sinceMs === undefined || entry.atMs >= query.sinceMs) &&
    (query.severity === undefined || isAtLeast(entry.severity, query.severity)) &&
    (query.events === undefined || query.events.includes(entry.story.event)) &&
    (query.service === undefined || query.service === service || query.service === label) &&
    (query.server === undefined || namesOfServer(query.server).some((name) => server === name || server?.startsWith(`${name}:`)))
  );
}

/** Whom a story is about. */
export function subjectOf(story: Story): { readonly service?: string; readonly label?: string; readonly server?: string } {
  return {
    ...("service" in story && story.service !== undefined ? { service: story.service } : {}),
    ...("label" in story && story.label !== undefined ? { label: story.label } : {}),
    ...("server" in story && story.server !== undefined ? { server: story.server } : {}),
  };
}

/** With a port, or the address alone, which in an endpoint of IPv6 stands in brackets. */
function namesOfServer(server: string): readonly string[] {
  return server.includes(":") && !server.startsWith("[") ? [server, `[${server}]`] : [server];
}

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Over the columns of journal-file.ts. `before`: only entries with lower numbers. */
export function conditionOf(query: EventQuery, before: number): Condition {
  const parts: Condition[] = [{ sql: "seq < ?", values: [before] }];
  const add = (sql: string, ...values: (string | number)[]) => parts.push({ sql, values });
  if (query.after !== undefined) add("seq > ?", query.after);
  if (query.sinceMs !== undefined) add("at_ms >= ?", query.sinceMs);
  if (query.severity !== undefined) add("severity >= ?", SEVERITIES.indexOf(query.severity));
  if (query.events !== undefined) add(`event IN (${query.events.map(() => "?").join(", ")})`, ...query.events);
  if (query.service !== undefined) add("(service = ? OR label = ?)", query.service, query.service);
  if (query.server !== undefined) {
    const names = namesOfServer(query.server);
    // ";" follows ":", so that this is "begins with the name and a colon", which an index can answer.
    add(
      `(${names.map(() => "server = ? OR (server >= ? AND server < ?)").join(" OR ")})`,
      ...names.flatMap((name) => [name, `${name}:`, `${name};`]),
    );
  }
  return { sql: parts.map(({ sql }) => sql).join(" AND "), values: parts.flatMap(({ values }) => values) };
}
