/** Long texts in pieces that are worth a write each, and no faster than their reader takes them. */

import type { Writable } from "node:stream";

/** Characters that are gathered before they are passed on. */
const CHUNK = 64 * 1024;

export function* inChunks(pieces: Iterable<string>): Generator<string> {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

/** Waits where the reader is slower than we; false when nobody reads any more, which the stream's owner reports. */
export async function writeChunks(chunks: Iterable<string>, stream: Writable): Promise<boolean> {
  for (const chunk of chunks) if (!(await written(stream, chunk))) return false;
  return true;
}

function written(stream: Writable, text: string): Promise<boolean> {
  return new Promise((resolve) => stream.write(text, (error) => resolve(error === undefined || error === null)));
}
