// The fake kernel as one process of the simulation has it open: it tells the world of every change,
// and when the process dies in the middle of an apply, the caller never hears of it again.

import type { OpFailure } from '../../src/kernel/kernel.ts';
import type { Op } from '../../src/state/op.ts';
import { FakeKernel, KernelCrash } from '../fake/kernel.ts';
import type { FakeNamespace } from '../fake/namespace.ts';

export type SimKernelParts = {
  readonly namespace: FakeNamespace;
  readonly isDead: () => boolean;
  readonly beforeOp: (op: Op) => void;
  readonly onOp: (op: Op) => void;
  /** The process ends here. */
  readonly onCrash: (where: string) => void;
};

const never = <Value>(): Promise<Value> => new Promise(() => undefined);

export class SimKernel extends FakeKernel {
  readonly #parts: SimKernelParts;

  constructor(parts: SimKernelParts) {
    super(parts.namespace);
    this.#parts = parts;
    this.beforeOp = (op) => parts.beforeOp(op);
    this.afterOp = (op) => parts.onOp(op);
  }

  override async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    const { isDead, onCrash } = this.#parts;
    if (isDead()) return never();
    try {
      const failures = await super.apply(ops);
      this.applied.length = 0;
      return isDead() ? await never() : failures;
    } catch (error) {
      if (!(error instanceof KernelCrash)) throw error;
      onCrash(error.message);
      return never();
    }
  }
}
