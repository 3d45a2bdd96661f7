/** Work that changes something goes one after the other, in the order in which it came. */

import { EvenkeelError } from "../../model/error.ts";

/** Each waits for those before it; so many that wait mean that nothing goes on. */
const WAITING_MAX = 1000;

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  get waiting(): number {
    return this.#waiting;
  }

  /** A failure is its caller's; the next one has its turn all the same. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      throw new EvenkeelError("LIMIT_REACHED", `the director has ${this.#waiting} changes waiting and takes no more`, {
        cure: "try again when it has caught up; evenkeel status shows what holds it up",
      });
    }
    this.#waiting++;
    const before = this.#last;
    const turn = (async () => {
      try {
        await before;
      } finally {
        this.#waiting--;
      }
      return await work();
    })();
    // The next one waits for the end of it, good or bad.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    return await turn;
  }

  /** Resolves when all that waits by now is done. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
