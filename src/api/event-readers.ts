/** How many read the stream of events at once: each one costs a place, and there is an end of them. */

import { BadRequest } from "./problem.ts";

const TEXT = {
  full: (max: number) => `${max} readers follow the events already`,
  cure: "end one of them, or ask GET /v1/events?after=NUMBER now and then",
};

export class SseReaders {
  readonly #max: number;
  #present = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get present(): number {
    return this.#present;
  }

  /** A place, until what is returned is called. Throws when there is none. */
  enter(): () => void {
    if (this.#present >= this.#max)
      throw new BadRequest({ status: 503, code: "LIMIT_REACHED", detail: TEXT.full(this.#max), cure: TEXT.cure });
    this.#present++;
    let here = true;
    return () => {
      if (here) this.#present--;
      here = false;
    };
  }
}
