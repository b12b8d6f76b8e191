// Where the filters of links lead, as far as it is known: the kernel tells the filters of one link
// at a time, which takes too long for a thousand at each routine look. It is of use only while
// every change is told of, and forgets what was told of. Some are due again at each look, so that
// a notification that never came does no lasting harm. It reads nothing itself.

/** Links whose filters are read again at one look though nothing was told of them. */
const SHARE = 32;

export class RedirectMemory {
  /** By link index, the one read longest ago first; undefined: it leads nowhere. */
  readonly #targets = new Map<number, number | undefined>();

  /** Those of these links whose filters are to be read now. Others are forgotten. */
  due(indexes: ReadonlySet<number>): readonly number[] {
    for (const index of this.#targets.keys()) {
      if (!indexes.has(index)) this.#targets.delete(index);
    }
    const again = [...this.#targets.keys()].slice(0, SHARE);
    return [...[...indexes].filter((index) => !this.#targets.has(index)), ...again];
  }

  record(index: number, target: number | undefined): void {
    this.#targets.delete(index);
    this.#targets.set(index, target);
  }

  targetOf(index: number): number | undefined {
    return this.#targets.get(index);
  }

  forget(index: number): void {
    this.#targets.delete(index);
  }

  clear(): void {
    this.#targets.clear();
  }
}
