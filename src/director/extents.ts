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
  readonly #used = new Map<Extent, number>();
  #next = 0;

  constructor(length: number) {
    this.#length = length;
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
    if (!this.#used.has(extent)) this.#next = extent.first + extent.count;
    this.#used.set(extent, (this.#used.get(extent) ?? 0) + 1);
    return extent;
  }

  free(extent: Extent | undefined): void {
    if (extent === undefined) return;
    const users = this.#used.get(extent) ?? 0;
    if (users > 1) this.#used.set(extent, users - 1);
    else this.#used.delete(extent);
  }

  #free(from: number, count: number): number | undefined {
    let first = from;
    for (const extent of [...this.#used.keys()].sort((one, other) => one.first - other.first)) {
      if (extent.first + extent.count <= first) continue;
      if (extent.first >= first + count) break;
      first = extent.first + extent.count;
    }
    return first + count <= this.#length ? first : undefined;
  }
}
