/** What falls due next: a binary heap. A deadline that moves later is found out when the earlier one comes up. */

export interface Due {
  expiresAtMs: number;
}

interface Entry<Item> {
  readonly atMs: number;
  readonly item: Item;
}

export class DeadlineQueue<Item extends Due> {
  readonly #heap: Entry<Item>[] = [];

  /** To be called whenever the item's deadline is set earlier than it was, or for the first time. */
  push(item: Item): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push({ atMs: item.expiresAtMs, item });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#atMs(parent) <= this.#atMs(index)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Takes out the next one that is due; undefined when none is. An item may come up that has expired before. */
  pop(nowMs: number): Item | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      this.#removeFirst();
      // Due as it stands here; else in its turn, even if that is before now too.
      if (first.item.expiresAtMs <= first.atMs) return first.item;
      if (first.item.expiresAtMs !== Number.POSITIVE_INFINITY) this.push(first.item);
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const lesser = this.#atMs(left + 1) < this.#atMs(left) ? left + 1 : left;
      if (this.#atMs(index) <= this.#atMs(lesser)) return;
      this.#swap(index, lesser);
      index = lesser;
    }
  }

  #atMs(index: number): number {
    return this.#heap[index]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    const kept = heap[one];
    const moved = heap[other];
    if (kept === undefined || moved === undefined) return;
    heap[one] = moved;
    heap[other] = kept;
  }
}
