/** Lines from a stream, one after the other; what came behind a line waits for the next call. */

import type { Duplex } from "node:stream";
import { Failure } from "./fault.ts";
import { receive } from "./stream.ts";

export class LineReader {
  readonly #stream: Duplex;
  readonly #lineBytesMax: number;
  #pending = Buffer.alloc(0);

  constructor(stream: Duplex, { lineBytesMax }: { lineBytesMax: number }) {
    this.#stream = stream;
    this.#lineBytesMax = lineBytesMax;
  }

  /** Whether bytes came that no line was made of yet. */
  get hasMore(): boolean {
    return this.#pending.length > 0;
  }

  /** Without its end (LF or CR LF). The end of the stream ends a last line; without one it is a Failure. */
  async next(): Promise<string> {
    return (
      this.#take(false) ??
      (await receive(this.#stream, (piece) => {
        if (piece !== undefined) this.#pending = Buffer.concat([this.#pending, piece]);
        return this.#take(piece === undefined);
      }))
    );
  }

  #take(atEnd: boolean): string | undefined {
    const end = this.#pending.indexOf(10);
    const length = end === -1 ? this.#pending.length : end;
    if (length > this.#lineBytesMax) throw new Failure(`the server sent a line of more than ${this.#lineBytesMax} bytes`);
    if (end === -1 && !(atEnd && length > 0)) return undefined;
    const line = this.#pending.subarray(0, length).toString("latin1");
    this.#pending = this.#pending.subarray(end === -1 ? length : end + 1);
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
