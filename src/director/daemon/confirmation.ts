/** Until when a configuration has to be confirmed, and what happens when it is not. */

export class Confirmation {
  #untilMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Wall clock; undefined: nothing waits for it. */
  get untilMs(): number | undefined {
    return this.#untilMs;
  }

  expect(withinMs: number, missed: () => void): void {
    this.stop();
    this.#untilMs = Date.now() + withinMs;
    this.again(withinMs, missed);
  }

  /** It was missed, and what should have happened then could not. */
  again(afterMs: number, missed: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(missed, afterMs);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#untilMs = undefined;
  }
}
