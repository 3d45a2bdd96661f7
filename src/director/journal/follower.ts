/** One reader of the journal as it grows: a queue of its own with a bound. Who reads too slowly loses the oldest, and sees a gap in the numbers. */

import type { JournalEntry } from "../../model/journal.ts";

export interface Follower {
  /** Whether there was room. */
  readonly push: (entry: JournalEntry) => boolean;
  /** No more will come; what is queued may still be read. */
  readonly end: () => void;
  readonly entries: AsyncIterable<JournalEntry>;
}

/** `first` is read before everything that is pushed, and does not count for the bound. `gone` is called once, at the end; not when the signal came before the beginning. */
export function makeFollower(options: {
  readonly first: readonly JournalEntry[];
  readonly queueMax: number;
  readonly signal: AbortSignal;
  readonly gone: () => void;
}): Follower {
  const { first, queueMax, signal, gone } = options;
  let queue: JournalEntry[] = [];
  let ended = signal.aborted;
  let wake = (): void => undefined;

  const end = (): void => {
    if (ended) return;
    ended = true;
    signal.removeEventListener("abort", end);
    gone();
    wake();
  };
  if (!ended) signal.addEventListener("abort", end);

  async function* read(): AsyncGenerator<JournalEntry> {
    try {
      for (const entry of first) {
        if (signal.aborted) return;
        yield entry;
      }
      for (;;) {
        const taken = queue;
        queue = [];
        for (const entry of taken) {
          if (signal.aborted) return;
          yield entry;
        }
        if (queue.length > 0) continue;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      end();
    }
  }

  return {
    push(entry) {
      const full = queue.length >= queueMax;
      // Half of them at once: to shift an array for each entry is work of its length.
      if (full) queue = queue.slice(queueMax >> 1);
      queue.push(entry);
      wake();
      return !full;
    },
    end,
    entries: { [Symbol.asyncIterator]: read },
  };
}
