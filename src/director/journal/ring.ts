/** The last entries, in memory: a ring of fixed size. Numbers go up, but not always by one. */

import type { JournalEntry } from "../../model/journal.ts";

export interface Ring {
  readonly length: number;
  /** undefined while it is empty. */
  readonly oldestSeq: number | undefined;
  push(entry: JournalEntry): void;
  newestFirst(): Iterable<JournalEntry>;
}

export function makeRing(max: number): Ring {
  const entries: JournalEntry[] = [];
  /** Where the next one goes, once all places are taken. */
  let next = 0;
  return {
    get length() {
      return entries.length;
    },
    get oldestSeq() {
      return entries[entries.length < max ? 0 : next]?.seq;
    },
    push(entry) {
      entries[next] = entry;
      next = (next + 1) % max;
    },
    *newestFirst() {
      for (let back = 1; back <= entries.length; back++) {
        const entry = entries[(next - back + max) % max];
        if (entry !== undefined) yield entry;
      }
    },
  };
}
