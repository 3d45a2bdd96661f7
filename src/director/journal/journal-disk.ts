/**
 * The journal's way to the disk: entries wait for at most FLUSH_MS, then go in one transaction. A disk that fails, is full or holds a broken file never
 * stops the director: entries wait in memory, a bounded number of them, and the disk is tried again later. Each trouble is told once.
 */

import type { JournalEntry } from "../../model/journal.ts";
import type { EventQuery } from "../director.ts";
import { isCorruption, putAside } from "../store/database.ts";
import { type Bounds, type JournalFile, openJournalFile } from "./journal-file.ts";

export interface JournalDisk {
  /** Whether the last that was tried went well. */
  readonly working: boolean;
  /** Why it does not. */
  readonly failure: string | undefined;
  readonly entries: number;
  /** Entries that the disk will never have. */
  readonly dropped: number;
  /** Opens the file, and leaps to the first number that nobody has seen. */
  begin(): void;
  put(entry: JournalEntry): void;
  read(query: EventQuery, before: number, limit: number): readonly JournalEntry[];
  setBounds(bounds: Bounds): void;
  /** Writes what waits. Afterwards nothing is taken any more. */
  close(): void;
}

export interface DiskOptions {
  readonly path: string;
  readonly bounds: Bounds;
  readonly wallMs: () => number;
  /** Told once for each trouble, and once when it is over. */
  readonly trouble: (text: string) => void;
  /** The file was opened, perhaps late: numbers below this one may be taken. */
  readonly leap: (seq: number) => void;
  /** The number that the next entry will have. */
  readonly nextSeq: () => number;
  readonly retryMs?: number;
}

const FLUSH_MS = 200;
/** A transaction's: about 5 ms. */
const BATCH = 500;
/** Then the one who tells waits for a batch to be written. Less than what journal-file.ts reserves. */
const WAITING_MAX = 900;
/** While the disk fails; the oldest are dropped. */
const WAITING_FAILED_MAX = 10_000;
const RETRY_MS = 5000;
const TRIM_EVERY_MS = 3_600_000;

const TEXT = {
  failed: (reason: string) => `the journal on disk fails: ${reason}; going on in memory`,
  broken: (reason: string, aside: string) => `the journal on disk is broken (${reason}): kept as ${aside}, begun anew`,
  again: (dropped: number) => `the journal is on disk again${dropped === 0 ? "" : `; ${dropped} entries of the time between are not`}`,
} as const;

export function makeJournalDisk(options: DiskOptions): JournalDisk {
  const { path, wallMs, trouble } = options;
  let { bounds } = options;
  let file: JournalFile | undefined;
  let waiting: JournalEntry[] = [];
  let dropped = 0;
  let droppedBefore = 0;
  let failed = false;
  let failure: string | undefined;
  let begun = false;
  let closed = false;
  let soon: NodeJS.Timeout | undefined;
  let now: NodeJS.Immediate | undefined;
  let trimmedMs = 0;

  /** Runs work on the file; what goes wrong with it is told, and makes us try again later. */
  const attempt = <T>(work: (file: JournalFile) => T): T | undefined => {
    try {
      file ??= openFile(begun ? options.nextSeq() - 1 : 0);
      const result = work(file);
      if (failed) {
        failed = false;
        failure = undefined;
        trouble(TEXT.again(dropped - droppedBefore));
      }
      return result;
    } catch (error) {
      giveUp(error);
      return undefined;
    }
  };

  const openFile = (leastSeq: number): JournalFile => {
    const opened = openJournalFile(path, leastSeq);
    if (!begun) {
      begun = true;
      // Where the disk was away when we began, what was told so far may have numbers that the file gave to others.
      const own = waiting.filter(({ seq }) => seq >= opened.firstSeq);
      dropped += waiting.length - own.length;
      waiting = own;
      options.leap(opened.firstSeq);
    }
    return opened;
  };

  const giveUp = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    closeFile();
    if (isCorruption(error)) {
      try {
        const aside = putAside(path);
        file = openFile(begun ? options.nextSeq() - 1 : unseen());
        trouble(TEXT.broken(reason, aside));
        return;
      } catch (another) {
        closeFile();
        fail(`${reason}; ${another instanceof Error ? another.message : String(another)}`);
        return;
      }
    }
    fail(reason);
  };

  /** Where nobody knows what was told before: seconds since 1970 go up faster than a journal does over the years. */
  const unseen = (): number => Math.floor(wallMs() / 1000);

  const fail = (reason: string): void => {
    schedule();
    if (failed) return;
    failed = true;
    failure = TEXT.failed(reason);
    droppedBefore = dropped;
    trouble(failure);
  };

  const closeFile = (): void => {
    try {
      file?.close(options.nextSeq());
    } catch {
      // It failed before, which is why it is closed; its handle is gone all the same.
    }
    file = undefined;
  };

  const flush = (): void => {
    attempt((opened) => {
      const batch = waiting.slice(0, BATCH);
      if (batch.length > 0) opened.append(batch, options.nextSeq());
      waiting = waiting.slice(batch.length);
      const due = opened.entries > bounds.entriesMax || wallMs() - trimmedMs >= TRIM_EVERY_MS || wallMs() < trimmedMs;
      if (due && !opened.trim(bounds, wallMs())) trimmedMs = wallMs();
    });
    schedule();
  };

  const schedule = (): void => {
    if (closed) return;
    if (!failed && waiting.length >= BATCH) now ??= setImmediate(later);
    else if (soon === undefined && (failed || waiting.length > 0)) {
      soon = setTimeout(later, failed ? (options.retryMs ?? RETRY_MS) : FLUSH_MS);
      soon.unref();
    }
  };

  const later = (): void => {
    stopTimers();
    flush();
  };

  const stopTimers = (): void => {
    clearTimeout(soon);
    clearImmediate(now);
    soon = undefined;
    now = undefined;
  };

  return {
    get working() {
      return !failed && begun;
    },
    get failure() {
      return failure;
    },
    get entries() {
      return file?.entries ?? 0;
    },
    get dropped() {
      return dropped;
    },
    begin() {
      attempt(() => undefined);
      if (!begun) options.leap(unseen());
    },
    put(entry) {
      if (closed) return;
      waiting.push(entry);
      if (!failed && waiting.length >= WAITING_MAX) flush();
      if (waiting.length > WAITING_FAILED_MAX) {
        // Many at a time: to shift an array is work of its length.
        const gone = WAITING_FAILED_MAX / 10;
        waiting = waiting.slice(gone);
        dropped += gone;
      }
      schedule();
    },
    read(query, before, limit) {
      if (failed || closed) return [];
      return attempt((opened) => opened.read(query, before, limit)) ?? [];
    },
    setBounds(changed) {
      bounds = changed;
      trimmedMs = 0;
    },
    close() {
      if (closed) return;
      while (waiting.length > 0 && !failed) flush();
      closed = true;
      stopTimers();
      closeFile();
    },
  };
}
