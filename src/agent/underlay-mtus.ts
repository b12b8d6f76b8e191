// The MTUs of the underlay toward peers that were found to be smaller than both ends believe. What
// is not in here is as large as believed. Finding is src/agent/path-prober.ts.

import { underlayKeyOf } from '../desired/path-mtu.ts';
import type { PathProbe } from '../desired/probes.ts';

export class UnderlayMtus {
  readonly #bytes = new Map<string, number>();

  /** By underlayKey. */
  get all(): ReadonlyMap<string, number> {
    return this.#bytes;
  }

  /** What the process before this one found, unless something newer is known. */
  remember(probe: PathProbe, foundBytes: number): void {
    if (!this.#bytes.has(underlayKeyOf(probe.key))) this.learn(probe, foundBytes);
  }

  /** What was found for a path, where that is less than believed. */
  foundFor({ key, overheadBytes, fullBytes }: PathProbe): number | undefined {
    if (this.#bytes.size === 0) return undefined;
    const found = this.#bytes.get(underlayKeyOf(key));
    if (found === undefined || found - overheadBytes >= fullBytes) return undefined;
    return found - overheadBytes;
  }

  /** Whether that is news. */
  learn({ key, overheadBytes, fullBytes }: PathProbe, foundBytes: number): boolean {
    const underlay = underlayKeyOf(key);
    if (foundBytes >= fullBytes) return this.#bytes.delete(underlay);
    const before = this.#bytes.get(underlay);
    this.#bytes.set(underlay, foundBytes + overheadBytes);
    return before !== foundBytes + overheadBytes;
  }

  /** Of peers that are no more nothing is kept, and nothing that both ends have come to believe. */
  follow(probes: readonly PathProbe[]): void {
    if (this.#bytes.size === 0) return;
    const open = new Set(
      probes
        .filter((probe) => this.foundFor(probe) !== undefined)
        .map(({ key }) => underlayKeyOf(key)),
    );
    for (const underlay of this.#bytes.keys())
      if (!open.has(underlay)) this.#bytes.delete(underlay);
  }
}
