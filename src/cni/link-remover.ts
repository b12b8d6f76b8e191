// Removes host links for many calls at once. The kernel takes some 20 ms for one removal and hardly
// longer for forty in one request, so what comes while others are being removed goes together in
// the next request: fifty DELs at once take as long as two or three. Each caller goes on as soon as
// his link is gone, which is long before the kernel is done with it.

import type { Kernel } from '../kernel/kernel.ts';

/** A second request may run beside a long one, so that a single DEL does not wait for fifty. */
const REQUESTS_MAX = 2;

type Waiting = {
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class LinkRemover {
  readonly #host: Kernel;
  #waiting: Waiting[] = [];
  #requests = 0;

  constructor(host: Kernel) {
    this.#host = host;
  }

  /** Removing what is gone is a success. Rejects with the kernel's AppError. */
  async remove(...names: readonly string[]): Promise<void> {
    const removals = names.map(
      (name) =>
        new Promise<void>((resolve, reject) => {
          this.#waiting.push({ name, resolve, reject });
        }),
    );
    if (this.#requests < REQUESTS_MAX) void this.#removeWaiting();
    await Promise.all(removals);
  }

  /** Never rejects: every failure goes to whoever waits for it. */
  async #removeWaiting(): Promise<void> {
    this.#requests += 1;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#removeBatch(batch);
    }
    this.#requests -= 1;
  }

  async #removeBatch(batch: readonly Waiting[]): Promise<void> {
    const byName = new Map(batch.map((waiting) => [waiting.name, waiting]));
    try {
      const failures = await this.#host.removeLinks([...byName.keys()], (name) =>
        byName.get(name)?.resolve(),
      );
      const errors = new Map(failures.map(({ name, error }) => [name, error]));
      for (const { name, resolve, reject } of batch) {
        const error = errors.get(name);
        // A second word about what is settled already says nothing.
        if (error === undefined) resolve();
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
