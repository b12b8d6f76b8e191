// Counts what somebody else changed in the kernel and the agent put right. A pass that finds work
// though it is asked for the same as the pass before it, which left nothing undone, has found
// drift. What a new configuration, peer, address or path asks for is no drift, nor is that another
// path is tested, or that a device has drained and goes. Bookkeeping alone.

import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../lib/clock.ts';
import type { Op } from '../state/op.ts';
import { printObject } from '../state/print.ts';
import type { PassInput, PassOutcome } from './reconciler.ts';
import { isSameInput } from './settled.ts';

/** So many of the last repairs are named. */
const NAMED_MAX = 10;

export type DriftStatus = {
  /** Objects that were put right since the agent started. */
  readonly repaired: number;
  /** The same by the kind of the object: route, link, fdb, … */
  readonly byObject: Readonly<Record<string, number>>;
  /** The last ones, newest first, as `ip` would print them. */
  readonly last: readonly { readonly at: string; readonly object: string }[];
};

type Seen = {
  readonly input: PassInput;
  readonly paths: unknown;
  readonly underlays: unknown;
  readonly drainingLinks: unknown;
  readonly tested: unknown;
  readonly isWhole: boolean;
};

export class Drift {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #counts = new Map<string, number>();
  #before: Seen | undefined;
  #last: DriftStatus['last'] = [];
  #repaired = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get view(): DriftStatus {
    const byObject = Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { repaired: this.#repaired, byObject, last: this.#last };
  }

  /** After each pass; returns what of it was put right. */
  passed(input: PassInput, outcome: PassOutcome): readonly Op[] {
    const { ops, failures, desired, underlay, probes } = outcome;
    const before = this.#before;
    const { paths, drainingLinks } = desired;
    const tested = probes.filter(({ isMarked }) => isMarked);
    const now = { input, paths, drainingLinks, tested, underlays: underlay.underlays };
    const isSame =
      before?.isWhole === true && ops.length > 0 && isSameAsk(before, { ...now, isWhole: true });
    // A pass that changed something leaves its work to be looked at by the next one.
    const isWhole = failures.length === 0 && (ops.length === 0 || isSame);
    this.#before = { ...now, isWhole };
    if (!isSame) return [];
    const failed = new Set(failures.map(({ op }) => op));
    const repaired = ops.filter((op) => !failed.has(op));
    this.#count(repaired);
    return repaired;
  }

  #count(ops: readonly Op[]): void {
    this.#repaired += ops.length;
    for (const { object } of ops) this.#counts.set(object, (this.#counts.get(object) ?? 0) + 1);
    const at = this.#clock.now().toISOString();
    const newest = ops.slice(-NAMED_MAX).map((op) => ({ at, object: printObject(op) }));
    this.#last = [...newest.reverse(), ...this.#last].slice(0, NAMED_MAX);
  }
}

/** What peers may believe of this node decides only how long a device of before stays. */
const asked = ({ input }: Seen): PassInput => ({ ...input, promised: [] });

const isSameAsk = (a: Seen, b: Seen): boolean =>
  isSameInput(asked(a), asked(b)) &&
  isDeepStrictEqual(a.underlays, b.underlays) &&
  isDeepStrictEqual(a.drainingLinks, b.drainingLinks) &&
  isDeepStrictEqual(a.tested, b.tested) &&
  isDeepStrictEqual(a.paths, b.paths);
