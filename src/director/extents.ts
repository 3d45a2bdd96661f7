/**
 * Which stretches of an array are in use. The search for a free one goes round, so that what a packet may still be reading is
 * written anew only after all the rest was.
 */

export interface Extent {
  readonly first: number;
  readonly count: number;
}

const NO_EXTENT: Extent = { first: 0, count: 0 };

export class Extents {
  readonly #length: number;
  /** How many use each place. */
  readonly #users: Uint16Array;
  #next = 0;

  constructor(length: number) {
    this.#length = length;
    this.#users = new Uint16Array(length);
  }

  /** The first free stretch of so many behind the last one that was taken, going round once; undefined: there is none. */
  take(count: number): Extent | undefined {
    if (count === 0) return NO_EXTENT;
    const first = this.#free(this.#next, count) ?? this.#free(0, count);
    if (first === undefined) return undefined;
    return this.use({ first, count });
  }

  /** Known to be in use; one that is used twice has to be freed twice. */
  use(extent: Extent): Extent {
    if (extent.count === 0) return NO_EXTENT;
    if (this.#users[extent.first] === 0) this.#next = extent.first + extent.count;
    this.#count(extent, 1);
    return extent;
  }

  free(extent: Extent | undefined): void {
    if (extent !== undefined) this.#count(extent, -1);
  }

  #count({ first, count }: Extent, more: number): void {
    for (let place = first; place < first + count; place++) this.#users[place] = (this.#users[place] ?? 0) + more;
  }

  #free(from: number, count: number): number | undefined {
    let first = from;
    while (first + count <= this.#length) {
      // Backwards: a stretch that holds a used place can begin behind that one at the earliest.
      let used = first + count - 1;
      while (used >= first && this.#users[used] === 0) used--;
      if (used < first) return first;
      first = used + 1;
    }
    return undefined;
  }
}
