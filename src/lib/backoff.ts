// How long to wait before trying again: doubling, bounded, and jittered by half to one and a half,
// so that five thousand agents that lost the same server do not come back in the same moment. Pure.

export type Backoff = { readonly baseMs: number; readonly capMs: number };

/** `failures` counts from 1; `random` is in [0, 1). */
export function backoffMs({ baseMs, capMs }: Backoff, failures: number, random: number): number {
  const doubled = baseMs * 2 ** Math.min(failures - 1, 30);
  return Math.min(capMs, doubled) * (0.5 + random);
}
