// Spares passes that would find nothing. Where neither the input nor the kernel has changed since a
// pass that had nothing to do, the next one has nothing to do either, and to know that a short text
// for the kernel's state is enough: in a network of thousands of nodes a pass costs a tenth of a
// second and tens of megabytes of garbage. After some times a whole pass is due all the same, in
// case that a change was reported to nobody.

import { isDeepStrictEqual } from 'node:util';
import type { PassInput } from './reconciler.ts';

/** With a routine pass each half minute: ten minutes. */
const SPARED_MAX = 20;

type State = { readonly input: PassInput; readonly fingerprint: string };

export class Settled {
  /** What the pass that is about to be made will find. */
  #looked: State | undefined;
  #settled: State | undefined;
  #spared = 0;

  /** `fingerprint`: of the kernel as it is now, before a pass that may have to follow. */
  holds(input: PassInput, fingerprint: string): boolean {
    const settled = this.#settled;
    const isSame =
      settled !== undefined &&
      settled.fingerprint === fingerprint &&
      isSameInput(settled.input, input);
    if (isSame && this.#spared < SPARED_MAX) {
      this.#spared += 1;
      return true;
    }
    this.#looked = { input, fingerprint };
    return false;
  }

  /**
   * What changes between the look and the pass is news, which is reported. Of a pass without a look
   * before it nothing can be said.
   */
  passed(input: PassInput, differenceCount: number): void {
    const isRight = differenceCount === 0 && this.#looked?.input === input;
    this.#settled = isRight ? this.#looked : undefined;
    this.#looked = undefined;
    this.#spared = 0;
  }
}

/** The cluster is the same object for as long as nothing has changed in it. */
export const isSameInput = (a: PassInput, b: PassInput): boolean =>
  a.cluster === b.cluster && isDeepStrictEqual(smallParts(a), smallParts(b));

const smallParts = ({ cluster: _, right, ...rest }: PassInput): unknown => {
  const { subnets, isInDoubt } = right;
  return { ...rest, subnets, isInDoubt };
};
