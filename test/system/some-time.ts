// Bounds of how long something takes, on machines that are busy with other things now and then:
// what was over the bound is measured again. Something that always takes longer never passes.

import assert from 'node:assert/strict';

const TRIES_MAX = 4;

/** Fails unless one of some measurements is not above `bound`; returns it. */
export async function withinSomeTime(
  bound: number,
  measure: () => Promise<number>,
): Promise<number> {
  const measured: number[] = [];
  while (measured.length < TRIES_MAX) {
    const value = await measure();
    if (value <= bound) return value;
    measured.push(value);
  }
  return assert.fail(`each time above ${bound}: ${measured.map((value) => value.toFixed(1))}`);
}
