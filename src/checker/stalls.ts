/**
 * How long this process could not look at its sockets, because something else kept its event loop. A check whose time was spent like that says
 * nothing about the server: the answer may have been there, and nobody looked.
 */

const BEAT_MS = 10;

export class Stalls {
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #totalMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#timer.unref();
  }

  /** All that was lost since the beginning, milliseconds: what lies between two readings was lost between them. */
  totalMs(): number {
    return this.#totalMs + this.#lateMs();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    this.#totalMs += this.#lateMs();
    this.#lastMs = performance.now();
  }

  /** Timers run before sockets are looked at: the first one after a stall finds the last beat long ago. */
  #lateMs(): number {
    const lateMs = performance.now() - this.#lastMs - BEAT_MS;
    // As late as that is any timer on a busy day.
    return lateMs > BEAT_MS ? lateMs : 0;
  }
}
