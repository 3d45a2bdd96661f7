/**
 * Entries on disk: one table, the newest `entriesMax` of the last `daysMax` days. Written in batches, each a transaction: a process that is killed
 * loses the last batch and nothing else. What it throws is SQLite's; journal-disk.ts judges it.
 */

import type { JournalEntry } from "../../model/journal.ts";
import type { EventQuery } from "../director.ts";
import { inTransaction, numberOf, openDatabase, type Schema } from "../store/database.ts";
import { conditionOf, subjectOf } from "./event-query.ts";
import { SEVERITIES } from "./severity.ts";

export interface Bounds {
  readonly entriesMax: number;
  readonly daysMax: number;
}

export interface JournalFile {
  /** The first number that no reader can have seen. */
  readonly firstSeq: number;
  readonly entries: number;
  append(batch: readonly JournalEntry[], nextSeq: number): void;
  /** The newest that are meant, oldest first. */
  read(query: EventQuery, before: number, limit: number): readonly JournalEntry[];
  /** Forgets what is beyond the bounds, a bounded piece a call. Whether there may be more of it. */
  trim(bounds: Bounds, wallMs: number): boolean;
  /** `nextSeq`: nobody was told a number from there on. */
  close(nextSeq: number): void;
}

/**
 * Numbers are reserved ahead on disk before they are told to anybody: after a kill -9 the next life begins behind the reserved ones, and never
 * gives a number again that a reader saw but the disk did not. At most RESERVED / 2 may be waiting to be written.
 */
const RESERVED = 2000;
const TRIM_AT_ONCE = 1000;
const DAY_MS = 86_400_000;
/** Whoever looks at the file with sqlite3 should not hold it for long; the entries wait in memory. */
const BUSY_MS = 50;

const SCHEMA: Schema = {
  applicationId: 0x45_4b_4a_31,
  what: "the journal of a director",
  steps: [
    `CREATE TABLE entries (
       seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, severity INTEGER NOT NULL, event TEXT NOT NULL,
       service TEXT, label TEXT, server TEXT, entry TEXT NOT NULL
     ) STRICT;
     CREATE INDEX entries_by_server ON entries (server, seq) WHERE server IS NOT NULL;
     CREATE TABLE numbers (one INTEGER PRIMARY KEY CHECK (one = 1), reserved INTEGER NOT NULL) STRICT`,
  ],
};

/** `leastSeq`: numbers up to it may have been told by a file that is broken now. */
export function openJournalFile(path: string, leastSeq: number): JournalFile {
  const database = openDatabase(path, { schema: SCHEMA, journal: "WAL", synchronous: "NORMAL", busyMs: BUSY_MS });
  try {
    const firstSeq =
      Math.max(numberOf(database, "SELECT max(seq) FROM entries"), numberOf(database, "SELECT reserved FROM numbers"), leastSeq) + 1;
    let entries = numberOf(database, "SELECT count(*) FROM entries");
    let reserved = 0;
    const insert = database.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    const reserve = database.prepare("INSERT OR REPLACE INTO numbers VALUES (1, ?)");
    const oldest = database.prepare("SELECT seq, at_ms FROM entries ORDER BY seq LIMIT ?");
    const forget = database.prepare("DELETE FROM entries WHERE seq <= ?");
    const reserveFrom = (nextSeq: number): number => {
      if (reserved - nextSeq >= RESERVED / 2) return reserved;
      reserve.run(nextSeq + RESERVED);
      return nextSeq + RESERVED;
    };
    reserved = inTransaction(database, () => reserveFrom(firstSeq));
    return {
      firstSeq,
      get entries() {
        return entries;
      },
      append(batch, nextSeq) {
        reserved = inTransaction(database, () => {
          for (const entry of batch) {
            const { service = null, label = null, server = null } = subjectOf(entry.story);
            const severity = SEVERITIES.indexOf(entry.severity);
            insert.run(entry.seq, entry.atMs, severity, entry.story.event, service, label, server, JSON.stringify(entry));
          }
          return reserveFrom(nextSeq);
        });
        entries += batch.length;
      },
      read(query, before, limit) {
        const { sql, values } = conditionOf(query, before);
        const rows = database.prepare(`SELECT entry FROM entries WHERE ${sql} ORDER BY seq DESC LIMIT ?`).all(...values, limit);
        // Written by append() and by nobody else: the file is ours alone.
        return rows.map(({ entry }) => JSON.parse(String(entry)) as JournalEntry).reverse();
      },
      trim({ entriesMax, daysMax }, wallMs) {
        const tooMany = Math.max(0, entries - entriesMax);
        // A clock that was set back and forth leaves old entries between young ones: they go when those before them do.
        const rows = oldest.all(TRIM_AT_ONCE);
        const young = rows.findIndex((row) => Number(row["at_ms"]) >= wallMs - daysMax * DAY_MS);
        const gone = Math.min(rows.length, Math.max(tooMany, young === -1 ? rows.length : young));
        const last = rows[gone - 1];
        if (last === undefined) return false;
        entries -= Number(forget.run(Number(last["seq"])).changes);
        return gone === TRIM_AT_ONCE;
      },
      close(nextSeq) {
        try {
          inTransaction(database, () => reserve.run(nextSeq - 1));
        } finally {
          database.close();
        }
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
