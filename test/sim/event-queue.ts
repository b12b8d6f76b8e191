// What happens next: a binary heap of times. Of two events at one time the one that was pushed
// first comes first, which makes every run of a seed the same.

export type Queued<Item> = {
  readonly atMs: number;
  readonly order: number;
  readonly item: Item;
};

export class EventQueue<Item> {
  readonly #heap: Queued<Item>[] = [];
  #pushed = 0;

  push(atMs: number, item: Item): void {
    const heap = this.#heap;
    this.#pushed += 1;
    const entry = { atMs, order: this.#pushed, item };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** The first one that is due until `endMs`. */
  pop(endMs: number): Queued<Item> | undefined {
    const heap = this.#heap;
    const [first] = heap;
    if (first === undefined || first.atMs > endMs) return undefined;
    const last = heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  #sink(entry: Queued<Item>): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, entry)) break;
      heap[at] = child;
      at = isRight ? 2 * at + 2 : 2 * at + 1;
    }
    heap[at] = entry;
  }
}

const isBefore = <Item>(a: Queued<Item>, b: Queued<Item>): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
