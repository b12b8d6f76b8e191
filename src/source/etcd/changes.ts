// Wakes whoever waits for the table to change. The signal is taken before looking at the table, so
// that a change in between is not missed. It carries no data: who wakes looks for himself.

export class Changes {
  #controller = new AbortController();

  /** Aborted at the next change. */
  next(): AbortSignal {
    return this.#controller.signal;
  }

  tell(): void {
    const changed = this.#controller;
    this.#controller = new AbortController();
    changed.abort();
  }
}
