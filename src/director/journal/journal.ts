/**
 * The journal of a running director: what is told gets its number, its time and its severity, stands in memory and (soon) on disk, and is
 * passed on to those who follow. Telling is quick and never fails; nothing that a reader does can hold it up.
 */

import type { Cause, Journal, JournalEntry, Story } from "../../model/journal.ts";
import type { EventQuery, Measures } from "../director.ts";
import { matches } from "./event-query.ts";
import { makeFollower } from "./follower.ts";
import { type JournalDisk, makeJournalDisk } from "./journal-disk.ts";
import type { Bounds } from "./journal-file.ts";
import { makeRing } from "./ring.ts";
import { severityOf } from "./severity.ts";

export interface JournalOptions {
  /** The file; in memory only when left out. */
  readonly database?: string;
  readonly ringMax?: number;
  /** On disk. */
  readonly entriesMax?: number;
  readonly daysMax?: number;
  /** Each entry as it is told: log lines. */
  readonly log?: (entry: JournalEntry) => void;
  /** Wall clock, milliseconds. */
  readonly wallMs?: () => number;
  /** How soon a disk that failed is tried again. */
  readonly retryMs?: number;
  /** Closes it, too. */
  readonly signal?: AbortSignal;
}

export interface RunningJournal extends Journal {
  /** From memory and, further back, from disk. Oldest first. */
  events(query: EventQuery): readonly JournalEntry[];
  /** Those that come; before them, when the query says from where (after, sinceMs, limit), those that were told already. Begins at once. */
  follow(query: EventQuery, signal: AbortSignal): AsyncIterable<JournalEntry>;
  /** Each entry, in order, as it is told: for readers of the director's own, which return at once. Returns how to leave. */
  listen(reader: (entry: JournalEntry) => void): () => void;
  setBounds(bounds: Bounds): void;
  measures(): Measures["journal"];
  /** What is wrong with the disk; undefined while all is well. */
  readonly trouble: string | undefined;
  /** Writes what waits and ends all who follow. What is told later is in memory only. */
  close(): void;
}

const RING_MAX = 10_000;
const ENTRIES_MAX = 100_000;
const DAYS_MAX = 30;
/** Of one answer when the query names no limit, or a greater one: more would keep the director from its work. */
export const EVENTS_MAX = 10_000;
/** Of one who follows and does not read. */
const QUEUE_MAX = 1000;

export function openJournal(options: JournalOptions = {}): RunningJournal {
  const { database, ringMax = RING_MAX, entriesMax = ENTRIES_MAX, daysMax = DAYS_MAX, log, wallMs = Date.now, signal } = options;
  const ring = makeRing(ringMax);
  const readers = new Set<(entry: JournalEntry) => void>(log === undefined ? [] : [log]);
  const followers = new Set<() => void>();
  const undelivered: JournalEntry[] = [];
  let delivering = false;
  let missed = 0;
  let nextSeq = 1;

  /** One after the other, also when a reader tells something itself: all read the same order. */
  const deliver = (entry: JournalEntry): void => {
    undelivered.push(entry);
    if (delivering) return;
    delivering = true;
    try {
      for (let each = undelivered.shift(); each !== undefined; each = undelivered.shift()) {
        for (const reader of readers) reader(each);
      }
    } finally {
      delivering = false;
    }
  };

  const tell = (story: Story, cause: Cause, because?: number): number => {
    const seq = nextSeq++;
    const entry = { seq, atMs: wallMs(), severity: severityOf(story), cause, ...(because === undefined ? {} : { because }), story };
    ring.push(entry);
    disk?.put(entry);
    deliver(entry);
    return seq;
  };

  const disk: JournalDisk | undefined =
    database === undefined
      ? undefined
      : makeJournalDisk({
          path: database,
          bounds: { entriesMax, daysMax },
          wallMs,
          // Not from within the one who tells: he has not got his number yet.
          trouble: (text) => queueMicrotask(() => tell({ event: "journal", text }, { kind: "host" })),
          leap: (seq) => {
            nextSeq = Math.max(nextSeq, seq);
          },
          nextSeq: () => nextSeq,
          ...(options.retryMs === undefined ? {} : { retryMs: options.retryMs }),
        });
  disk?.begin();

  const events = (asked: EventQuery): readonly JournalEntry[] => {
    const limit = Math.max(0, Math.min(asked.limit ?? EVENTS_MAX, EVENTS_MAX));
    // Who has a number that we never gave has it from another life of the journal, and has seen nothing of this one.
    const query = asked.after !== undefined && asked.after >= nextSeq ? { ...asked, after: 0 } : asked;
    const found: JournalEntry[] = [];
    for (const entry of ring.newestFirst()) {
      if (found.length >= limit || (query.after !== undefined && entry.seq <= query.after)) break;
      if (matches(query, entry)) found.push(entry);
    }
    found.reverse();
    const before = ring.oldestSeq ?? nextSeq;
    if (disk === undefined || found.length >= limit || (query.after !== undefined && query.after >= before - 1)) return found;
    return [...disk.read(query, before, limit - found.length), ...found];
  };

  const close = (): void => {
    signal?.removeEventListener("abort", close);
    for (const end of followers) end();
    disk?.close();
  };
  signal?.addEventListener("abort", close, { once: true });

  return {
    tell,
    events,
    follow(query, until) {
      const fromThere = query.after !== undefined || query.sinceMs !== undefined || query.limit !== undefined;
      // What comes is newer than any of these says.
      const { after: _after, sinceMs: _sinceMs, limit: _limit, ...kind } = query;
      const from = nextSeq;
      const reader = (entry: JournalEntry): void => {
        // Told by a reader, it may not have been delivered when the follower began, which has read it then.
        if (entry.seq >= from && matches(kind, entry) && !follower.push(entry)) missed += QUEUE_MAX / 2;
      };
      const follower = makeFollower({
        first: fromThere ? events(query) : [],
        queueMax: QUEUE_MAX,
        signal: until,
        gone: () => {
          readers.delete(reader);
          followers.delete(follower.end);
        },
      });
      if (until.aborted) return follower.entries;
      readers.add(reader);
      followers.add(follower.end);
      return follower.entries;
    },
    listen(reader) {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    setBounds: (bounds) => disk?.setBounds(bounds),
    get trouble() {
      return disk?.failure;
    },
    measures: () => ({
      entries: Math.max(ring.length, disk?.entries ?? 0),
      dropped: missed + (disk?.dropped ?? 0),
      onDisk: disk?.working ?? false,
    }),
    close,
  };
}
