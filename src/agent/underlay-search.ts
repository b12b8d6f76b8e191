// Looks for the node's underlay in what was just read of the kernel: asks the kernel's route lookup
// where the rule in force needs it, says in the log when another address is used than before, and
// tells which addresses the node has no longer, since connections from those are dead. The rules
// themselves are in underlay.ts.

import type { ClusterNode } from '../cluster/node.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Log } from '../lib/log.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { UnderlaySearch } from './underlay.ts';
import { findUnderlays, lookupsFor } from './underlay.ts';
import { underlayCandidates } from './underlay-candidates.ts';
import type { UnderlayWish } from './underlay-wish.ts';
import { NO_WISH } from './underlay-wish.ts';

export type UnderlaySearcherParts = {
  readonly kernel: Pick<Kernel, 'lookUp'>;
  readonly log: Log;
  /** Absent: the operator has said nothing. */
  readonly underlayWish?: UnderlayWish | undefined;
  /** The node does not have these addresses any more. */
  readonly addressesGone?: ((gone: ReadonlySet<Ip>) => void) | undefined;
};

export class UnderlaySearcher {
  readonly #parts: UnderlaySearcherParts;
  #words = '';
  #addresses: ReadonlySet<Ip> = new Set();

  constructor(parts: UnderlaySearcherParts) {
    this.#parts = parts;
  }

  search(
    kernel: KernelState,
    self: ClusterNode | undefined,
    families: readonly Family[],
  ): UnderlaySearch {
    const { underlayWish: wish = NO_WISH } = this.#parts;
    const asked = lookupsFor(wish, families);
    const lookups = asked.length === 0 ? new Map() : this.#parts.kernel.lookUp(asked);
    const found = findUnderlays({ kernel, self, families, wish, lookups });
    this.#tell(found);
    this.#compare(kernel);
    return found;
  }

  #tell({ underlays }: UnderlaySearch): void {
    const texts = underlays.map(({ address, publicAddress, link, chosenBy }) => {
      const told = publicAddress === undefined ? '' : ` as ${publicAddress}`;
      return `${address}${told} on ${link}: ${chosenBy}`;
    });
    const words = texts.join('; ');
    if (words === this.#words) return;
    this.#parts.log.info({ underlay: words, before: this.#words }, 'reached by its peers at');
    this.#words = words;
  }

  #compare(kernel: KernelState): void {
    const addresses = new Set(underlayCandidates(kernel, new Set()).map(({ address }) => address));
    const gone = new Set([...this.#addresses].filter((ip) => !addresses.has(ip)));
    this.#addresses = addresses;
    if (gone.size > 0) this.#parts.addressesGone?.(gone);
  }
}
