// Work by key: calls for the same attachment one after the other, others side by side. A runtime
// never has two calls for one attachment by itself, but a DEL may come while its killed ADD is
// still at work here.

/** More calls than this for one attachment are somebody's mistake. */
const WAITING_MAX = 16;

export class Serialiser {
  readonly #tails = new Map<string, { last: Promise<unknown>; waiting: number }>();

  /** Whether something is at work for this key, or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  /** `undefined` when too many wait for this key already. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> | undefined {
    const tail = this.#tails.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    if (tail.waiting >= WAITING_MAX) return undefined;
    this.#tails.set(key, tail);
    tail.waiting += 1;
    const result = tail.last.then(work).finally(() => {
      tail.waiting -= 1;
      if (tail.waiting === 0) this.#tails.delete(key);
    });
    tail.last = result.catch(() => undefined);
    return result;
  }
}
