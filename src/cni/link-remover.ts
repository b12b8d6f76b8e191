// Removes host links for many calls at once. The kernel takes some 20 ms for one removal and hardly
// longer for forty in one request, so what comes while others are being removed goes together in
// the next request: fifty DELs at once take as long as two or three.

import type { Kernel } from '../kernel/kernel.ts';
import type { AppError } from '../lib/errors.ts';
import type { Mac } from '../net/mac.ts';
import type { Link } from '../state/kernel-state.ts';
import type { RemoveOp } from '../state/op.ts';
import { POD_LINK_GROUP } from '../state/own.ts';

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
    try {
      const failures = await this.#host.apply(batch.map(({ name }) => removalOf(name)));
      const errors = new Map<string, AppError>();
      for (const { op, error } of failures) {
        if (op.object === 'link') errors.set(op.value.name, error);
      }
      for (const { name, resolve, reject } of batch) {
        const error = errors.get(name);
        if (error === undefined) resolve();
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** To remove a link its name is enough. */
const removalOf = (name: string): RemoveOp => {
  const mac = '00:00:00:00:00:00' as Mac;
  const common = { name, up: false, mtuBytes: 0, mac, group: POD_LINK_GROUP, alias: '' };
  const value: Link = { kind: 'veth', ...common };
  return { verb: 'remove', object: 'link', value };
};
