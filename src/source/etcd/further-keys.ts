// The subnets that a node has in etcd beside the first one of each family. Each has a subnet key of
// its own, bound to the same lease as the holder's key, which names them all; so each comes and
// goes by one transaction, and nobody sees one that belongs to nobody. What is lost is claimed
// again first. The first subnets are not touched here (subnet-keeper.ts).

import type { SubnetWish } from '../../cluster/holding.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily } from '../../net/cidr.ts';
import type { LeaseId, Transaction, Write } from './api.ts';
import { isWished, olderOverlap, overlapping, pickSubnets } from './claim.ts';
import { renderHolder } from './holder.ts';
import { noneFree } from './holding-words.ts';
import type { KeeperParts } from './keeper-parts.ts';
import { firstPartRange, subnetKeyName } from './keys.ts';
import type { Right } from './right.ts';
import { firstOf } from './right.ts';
import type { Claimed, HolderEntry } from './table.ts';

type Move =
  | { readonly kind: 'add'; readonly subnet: Cidr }
  /** With its key, where that is the node's own. */
  | { readonly kind: 'drop'; readonly subnet: Cidr };

export class FurtherKeys {
  readonly #parts: KeeperParts;
  /** Held last; claimed again before any other. */
  #lost: readonly Cidr[] = [];
  #noFurther: string | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Why there is no other one for the node; undefined while none is wished for, or one is. */
  get noFurther(): string | undefined {
    return this.#noFurther;
  }

  /** All that was held is lost; the first ones are claimed again by themselves. */
  lose(right: Right): void {
    const firsts = firstOf(right);
    this.#lost = right.subnets.filter((subnet) => !firsts.includes(subnet));
  }

  /** Of one that has keys beside a first one that is gone: whoever claims anew keeps it. */
  leaseOf(entry: HolderEntry | undefined, gone: LeaseId | undefined): LeaseId | undefined {
    if (entry === undefined || entry.item.lease === gone) return undefined;
    return this.#parts.table.heldFurther(entry).length > 0 ? entry.item.lease : undefined;
  }

  /** What is left of a right by the table. */
  remaining(right: Right, entry: HolderEntry): Right {
    const own = this.#parts.table.ownSubnets(entry);
    const gone = right.subnets.filter((subnet) => !own.includes(subnet));
    if (gone.length === 0) return right;
    this.#lost = [...new Set([...this.#lost, ...gone])];
    return { ...right, subnets: right.subnets.filter((subnet) => own.includes(subnet)) };
  }

  /** At which revision the next step was written; `outrun`: somebody else was faster. */
  async step(
    wish: SubnetWish,
    claimed: Claimed,
    stop: AbortSignal,
  ): Promise<number | 'nothing' | 'outrun'> {
    const move = this.#next(wish, claimed);
    return move === undefined ? 'nothing' : this.#take(move, claimed, stop);
  }

  /** Of two claims at once the later one, before it is used. */
  async giveWay(claimed: Claimed, stop: AbortSignal): Promise<number | undefined> {
    const { table } = this.#parts;
    const younger = table.heldFurther(claimed.entry).find((each) => olderOverlap(each, table));
    const [subnet] = younger?.subnets ?? [];
    if (subnet === undefined) return undefined;
    const written = await this.#take({ kind: 'drop', subnet }, claimed, stop);
    return written === 'outrun' ? 0 : written;
  }

  async #take(move: Move, claimed: Claimed, stop: AbortSignal): Promise<number | 'outrun'> {
    const { api, log } = this.#parts;
    const { succeeded, revision } = await api.transact(this.#transaction(claimed, move), stop);
    if (!succeeded) return 'outrun';
    log.info({ subnet: move.subnet }, WORDS[move.kind]);
    return revision;
  }

  #next(wish: SubnetWish, { entry }: Claimed): Move | undefined {
    const { table } = this.#parts;
    const { further } = entry.holder;
    const spare = wish.further?.spare ?? [];
    const isUnwanted = (subnet: Cidr): boolean =>
      spare.includes(subnet) || !isWished(wish.config, subnet);
    const held = table.heldFurther(entry);
    this.#lost = this.#lost.filter((subnet) => !isUnwanted(subnet));
    for (const subnet of further) {
      const own = held.find(({ subnets }) => subnets.includes(subnet));
      const isOther = own === undefined && overlapping([subnet], table) !== undefined;
      if (isUnwanted(subnet) || isOther) return { kind: 'drop', subnet };
      if (own === undefined) return { kind: 'add', subnet };
    }
    // Neither what is there again nor what another has now.
    this.#lost = this.#lost.filter((subnet) => overlapping([subnet], table) === undefined);
    const [again] = this.#lost;
    return again === undefined ? this.#another(wish, entry) : { kind: 'add', subnet: again };
  }

  #another(wish: SubnetWish, entry: HolderEntry): Move | undefined {
    const { table, random } = this.#parts;
    this.#noFurther = undefined;
    const own = table.ownSubnets(entry);
    const family = wish.config.families.find((each) => {
      const count = wish.further?.counts[each.family] ?? 0;
      return own.filter((subnet) => cidrFamily(subnet) === each.family).length < count;
    });
    if (family === undefined) return undefined;
    const config = { ...wish.config, families: [family] };
    const picked = pickSubnets({ ...wish, config }, table, { own: undefined, random });
    if (picked?.[0] !== undefined) return { kind: 'add', subnet: picked[0] };
    this.#noFurther = noneFree({ config });
    return undefined;
  }

  #transaction({ entry, subnet: first }: Claimed, { kind, subnet }: Move): Transaction {
    const { layout, table } = this.#parts;
    const { holder, item } = entry;
    const { lease } = item;
    const others = holder.further.filter((other) => other !== subnet);
    const further = kind === 'add' ? [...others, subnet] : others;
    const key = layout.subnets + subnetKeyName([subnet]);
    const holderWrite: Write = {
      ...{ kind: 'put', key: item.key, lease },
      value: renderHolder({ ...holder, further }),
    };
    const unchanged = { from: item.key, is: 'modified-at', revision: item.modRevision } as const;
    if (kind === 'add') {
      const absent = { ...firstPartRange(layout, [subnet]), is: 'absent' } as const;
      const { advert, value } = this.#parts.rendered();
      // What a process before this one has published is better than nothing.
      const said = advert === undefined ? first.item.value : value;
      const put: Write = { kind: 'put', key, value: said, lease };
      return { conditions: [unchanged, absent], writes: [put, holderWrite] };
    }
    const isOwn = table.heldFurther(entry).some((each) => each.item.key === key);
    if (!isOwn) return { conditions: [unchanged], writes: [holderWrite] };
    const firstKey = { from: first.item.key, is: 'modified-at' } as const;
    return {
      conditions: [
        unchanged,
        { from: key, is: 'bound-to', lease },
        { ...firstKey, revision: first.item.modRevision },
      ],
      writes: [
        { kind: 'delete', key },
        holderWrite,
        // Flannel's nodes forget with a key all that leads to its node; with this they learn it.
        { kind: 'put', key: first.item.key, value: first.item.value, lease },
      ],
    };
  }
}

const WORDS = { add: 'claimed a further subnet', drop: 'gave a further subnet back' } as const;
