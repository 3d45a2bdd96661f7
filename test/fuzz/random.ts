/** Chance that can be repeated, quickly: whole numbers by xorshift32. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds begin far from each other; 0 would stay 0.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 32 bits. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }

  /** From 0 up to but not including the end. */
  below(end: number): number {
    return this.next() % end;
  }

  oneIn(number: number): boolean {
    return this.next() % number === 0;
  }

  of<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new RangeError("nothing to choose from");
    return one;
  }
}
