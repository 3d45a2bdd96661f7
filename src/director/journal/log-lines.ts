/**
 * The log: each entry of the journal as one line on stderr. JSON for programs (by pino), one readable line for people and for systemd's
 * journal, which has a time of its own and reads "<4>" as a severity.
 */

import { pino } from "pino";
import { describeEntry } from "../../model/describe-story.ts";
import type { JournalEntry, Severity } from "../../model/journal.ts";
import type { LineSink } from "./line-sink.ts";
import { SEVERITIES } from "./severity.ts";

export type LogFormat = "json" | "text";

export interface LogOptions {
  readonly format: LogFormat;
  /** Entries below are left out. */
  readonly least?: Severity;
  /** systemd reads along: "<4>" before each line. */
  readonly priorities?: boolean;
  readonly sink: Pick<LineSink, "write">;
}

/** syslog(3)'s, which systemd has too (sd-daemon(3)). */
const PRIORITY = { debug: 7, info: 6, notice: 5, warning: 4, error: 3 } as const satisfies Record<Severity, number>;
/** pino sorts by numbers; "notice" is not among its own. */
const PINO_LEVEL = { debug: 20, info: 30, notice: 35, warning: 40, error: 50 } as const satisfies Record<Severity, number>;

/** What stderr is: a terminal and systemd's journal get text, everything else JSON. */
export function usualLogFormat(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  isTerminal = process.stderr.isTTY,
): LogFormat {
  return isTerminal || environment["JOURNAL_STREAM"] !== undefined ? "text" : "json";
}

export function logLines(options: LogOptions): (entry: JournalEntry) => void {
  const { format, least = "info", priorities = false, sink } = options;
  const write = format === "json" ? jsonLines(options) : (entry: JournalEntry) => sink.write(`${textLine(entry, priorities)}\n`);
  const from = SEVERITIES.indexOf(least);
  return (entry) => {
    if (SEVERITIES.indexOf(entry.severity) >= from) write(entry);
  };
}

/** Line feeds in names of files and replies of servers must not begin a line that nobody wrote. */
function textLine(entry: JournalEntry, priorities: boolean): string {
  const text = describeEntry(entry).replaceAll(/\p{Cc}+/gu, " ");
  if (priorities) return `<${PRIORITY[entry.severity]}>${text}`;
  return `${new Date(entry.atMs).toISOString()} ${entry.severity.padEnd(7)} ${text}`;
}

function jsonLines({ sink, priorities = false }: LogOptions): (entry: JournalEntry) => void {
  let prefix = "";
  const logger = pino<Severity>(
    {
      base: null,
      level: "debug",
      customLevels: PINO_LEVEL,
      useOnlyCustomLevels: true,
      // The entry's own.
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => sink.write(prefix + line) },
  );
  return (entry) => {
    if (priorities) prefix = `<${PRIORITY[entry.severity]}>`;
    const { seq, atMs, severity, cause, because, story } = entry;
    const { event, ...facts } = story;
    logger[severity](
      { time: new Date(atMs).toISOString(), seq, event, cause, ...(because === undefined ? {} : { because }), ...facts },
      describeEntry(entry),
    );
  };
}
