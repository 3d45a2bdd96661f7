/**
 * A long list as one JSON document, written in pieces: between two of them others get their turn, and a reader that is slow holds back its own list and
 * nothing else.
 */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** Some milliseconds of work. */
const PIECE_CHARACTERS = 64 * 1024;

/** `{"NAME":[...],...rest}`: items are made into JSON as they are needed. */
export function listStream<Item>(name: string, items: Iterable<Item>, json: (item: Item) => unknown, rest: object = {}): Readable {
  return Readable.from(pieces(), { objectMode: false, highWaterMark: 2 * PIECE_CHARACTERS });

  async function* pieces(): AsyncGenerator<string> {
    let piece = `{"${name}":[`;
    let between = "";
    for (const item of items) {
      piece += between + JSON.stringify(json(item));
      between = ",\n";
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = "";
      await setImmediate();
    }
    const tail = JSON.stringify(rest).slice(1, -1);
    yield `${piece}]${tail === "" ? "" : `,${tail}`}}\n`;
  }
}
