// The search for the largest packet that comes back over a path, size by size: halving between
// what comes back and what does not. Whoever sends the packets (path-prober.ts) says of each size
// whether it came back. Pure: a search is a value, and each answer makes another.

import type { Family } from '../net/family.ts';

/** Below these no path may be: RFC 791 (what every host takes) and RFC 8200 §5. */
const FLOOR_BYTES = { ipv4: 576, ipv6: 1280 } as const satisfies Record<Family, number>;
/** A size that does not come back so often, while small packets do, is too large. */
const MISSES_PER_SIZE = 2;

export type MtuSearch = {
  /** What comes back. */
  readonly lowBytes: number;
  /** What does not. */
  readonly highBytes: number;
  /** Sizes to try before halving, the next one first. */
  readonly first: readonly number[];
  /** Of the size that is tried now, in a row. */
  readonly misses: number;
  readonly isRise: boolean;
};

/** `undefined`: the size that does not come back is one that every path must take. */
export function searchBelow(failedBytes: number, family: Family): MtuSearch | undefined {
  const floorBytes = FLOOR_BYTES[family];
  if (failedBytes <= floorBytes) return undefined;
  const bounds = { lowBytes: floorBytes - 1, highBytes: failedBytes };
  return { ...bounds, first: [floorBytes], misses: 0, isRise: false };
}

/** Whether a path takes more again: two sizes answer that as long as nothing has changed. */
export function searchAbove(foundBytes: number, believedBytes: number): MtuSearch {
  const bounds = { lowBytes: foundBytes, highBytes: believedBytes + 1 };
  return { ...bounds, first: [believedBytes, foundBytes + 1], misses: 0, isRise: true };
}

/** The size to send next; undefined when the search is over. */
export function nextBytes({ lowBytes, highBytes, first }: MtuSearch): number | undefined {
  const [wanted] = first;
  if (wanted !== undefined) return wanted;
  return highBytes - lowBytes > 1 ? Math.floor((lowBytes + highBytes) / 2) : undefined;
}

export function cameBack(search: MtuSearch): MtuSearch {
  const lowBytes = nextBytes(search) ?? search.lowBytes;
  return within({ ...search, lowBytes });
}

export function missed(search: MtuSearch): MtuSearch {
  if (search.misses + 1 < MISSES_PER_SIZE) return { ...search, misses: search.misses + 1 };
  return within({ ...search, highBytes: nextBytes(search) ?? search.highBytes });
}

/** What a search that is over has found; undefined: not even the smallest size comes back. */
export const foundBy = ({ lowBytes }: MtuSearch, family: Family): number | undefined =>
  lowBytes < FLOOR_BYTES[family] ? undefined : lowBytes;

function within(search: MtuSearch): MtuSearch {
  const { lowBytes, highBytes, first } = search;
  const open = first.filter((bytes) => bytes > lowBytes && bytes < highBytes);
  return { ...search, first: open, misses: 0 };
}
