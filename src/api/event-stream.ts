/** A stream of server-sent events (WHATWG HTML 9.2) as our server writes them: `id`, `data` in one line, comments as heartbeats. */

import type { Readable } from "node:stream";
import { EvenkeelError } from "../model/error.ts";
import type { JournalEntry } from "../model/journal.ts";

/** The server says something at least this often. */
export const HEARTBEAT_MS = 15_000;
/** Then it is gone, though nobody said so: its host may be. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

/** Until the stream ends; leaving the loop closes it. */
export async function* readEvents(stream: Readable): AsyncGenerator<JournalEntry> {
  let rest = "";
  const silence = setTimeout(() => stream.destroy(new EvenkeelError("DIRECTOR_AWAY", "the director fell silent")), SILENCE_MS);
  try {
    for await (const piece of stream.setEncoding("utf8") as AsyncIterable<string>) {
      silence.refresh();
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_CHARACTERS_MAX) throw new EvenkeelError("LIMIT_REACHED", "an event of the director's is too long");
      for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5)) as JournalEntry;
    }
  } finally {
    clearTimeout(silence);
    stream.destroy();
  }
}

/** One event as it is written. */
export function eventText(entry: JournalEntry): string {
  return `id: ${entry.seq}\ndata: ${JSON.stringify(entry)}\n\n`;
}
