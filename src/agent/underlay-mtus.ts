// The MTUs of the underlay toward peers that were found to be smaller than both ends believe. What
// is not in here is as large as believed. Finding is src/agent/path-prober.ts.

import type { PathProbe } from '../desired/probes.ts';

export class UnderlayMtus {
  readonly #bytes = new Map<string, number>();

  /** By PathProbe.underlay. */
  get all(): ReadonlyMap<string, number> {
    return this.#bytes;
  }

  /** What was found for a path, where that is less than believed. */
  foundFor({ underlay, overheadBytes, fullBytes }: PathProbe): number | undefined {
    const found = this.#bytes.get(underlay);
    if (found === undefined || found - overheadBytes >= fullBytes) return undefined;
    return found - overheadBytes;
  }

  /** Whether that is news. */
  learn({ underlay, overheadBytes, fullBytes }: PathProbe, foundBytes: number): boolean {
    if (foundBytes >= fullBytes) return this.#bytes.delete(underlay);
    const before = this.#bytes.get(underlay);
    this.#bytes.set(underlay, foundBytes + overheadBytes);
    return before !== foundBytes + overheadBytes;
  }

  /** Of peers that are no more nothing is kept, and nothing that both ends have come to believe. */
  follow(probes: readonly PathProbe[]): void {
    if (this.#bytes.size === 0) return;
    const open = new Set(
      probes.flatMap((probe) => (this.foundFor(probe) === undefined ? [] : [probe.underlay])),
    );
    for (const underlay of this.#bytes.keys())
      if (!open.has(underlay)) this.#bytes.delete(underlay);
  }
}
