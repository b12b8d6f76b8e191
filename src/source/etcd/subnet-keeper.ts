// Claims the node's subnet and keeps it: by one transaction under a lease of etcd's, which is
// renewed long before it ends. A claim counts once the table shows it and nothing older overlaps
// it. What is lost is claimed again first, then another; who has it is said.

import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import { BEING_CLAIMED } from '../../cluster/holding.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { AppError, describeError } from '../../lib/errors.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { EtcdApi, LeaseId } from './api.ts';
import { NO_LEASE } from './api.ts';
import {
  claimTransaction,
  fits,
  isWished,
  olderOverlap,
  overlapsAny,
  ownerWords,
  pickSubnets,
} from './claim.ts';
import { FurtherKeys } from './further-keys.ts';
import {
  heldOrEnded,
  holdsAll,
  lossWords,
  noHolding,
  noneFree,
  notDecided,
  outrunBy,
  tellingChanges,
} from './holding-words.ts';
import type { KeeperParts } from './keeper-parts.ts';
import { correctAddresses, renewedRight } from './renewal.ts';
import type { Right } from './right.ts';
import { firstOf, renewalDueMs, withFirst } from './right.ts';
import type { Claimed, HolderEntry, Replaced, SubnetEntry } from './table.ts';

const RETRY = { baseMs: 100, capMs: 5_000 } as const;
/** Nothing happens without a change or a date; this is for what nobody has thought of. */
const IDLE_MS = 60_000;

/** What was written is in the table after milliseconds, unless etcd is away. */
export const SHOWN_WITHIN_MS = 10_000;

/** How long to wait unless the table changes; 0: go on at once. */
type Pause = number;

type Hold = {
  readonly wish: SubnetWish;
  readonly tell: (holding: Holding) => void;
  readonly stop: AbortSignal;
};

export class SubnetKeeper {
  readonly #parts: KeeperParts;
  #right: Right | undefined;
  /** A lease that was granted and has no keys yet. */
  #spare: LeaseId | undefined;
  /** etcd has said that this lease is no more: its keys are going. */
  #gone: LeaseId | undefined;
  /** The table is to show what was written; not for ever, since etcd may lose it. */
  #awaited = { revision: 0, untilMs: 0 };
  /** Held last, to be claimed again before any other. */
  #lost: readonly Cidr[] = [];
  /** Why a family that is wished for is not to be had; undefined: nothing speaks against it. */
  #lacks: string | undefined;
  readonly #further: FurtherKeys;
  #failures = 0;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#further = new FurtherKeys(parts);
  }

  get right(): Right | undefined {
    return this.#right;
  }

  async hold(wish: SubnetWish, listener: (holding: Holding) => void, stop: AbortSignal) {
    const tell = tellingChanges(listener);
    const hold: Hold = { wish, tell, stop };
    if (this.#right !== undefined && this.#right.machine !== wish.machine) this.#right = undefined;
    const { changes, clock, table } = this.#parts;
    if (this.#right === undefined) tell(notDecided(table.revision));
    else this.#tellHeld(hold, this.#right);
    while (!stop.aborted) {
      const changed = changes.next();
      const pauseMs = await this.#pause(hold);
      if (pauseMs > 0) await clock.sleep(pauseMs, AbortSignal.any([stop, changed]));
    }
  }

  async #pause(hold: Hold): Promise<Pause> {
    try {
      const pauseMs = await this.#step(hold);
      if (pauseMs === undefined) return this.#retryMs();
      this.#failures = 0;
      return pauseMs;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (hold.stop.aborted) return 0;
      const problem = describeError(error);
      if (this.#failures === 0) this.#parts.log.warn({ problem }, 'etcd did not take a request');
      if (this.#right === undefined) hold.tell(noHolding(problem));
      else this.#tellHeld(hold, this.#right);
      return this.#retryMs();
    }
  }

  #retryMs(): number {
    this.#failures += 1;
    return this.#withinRight(backoffMs(RETRY, this.#failures, this.#parts.random()));
  }

  /** `undefined`: it did not work, and another try is due after a while. */
  async #step(hold: Hold): Promise<Pause | undefined> {
    const { table, nodeName } = this.#parts;
    if (table.revision === undefined) {
      const { problem } = this.#parts;
      if (this.#right === undefined) hold.tell(notDecided(undefined, problem()));
      else this.#tellHeld(hold, this.#right);
      return this.#withinRight(IDLE_MS);
    }
    const awaitedMs = this.#awaited.untilMs - this.#parts.clock.monotonicMs();
    if (table.revision < this.#awaited.revision && awaitedMs > 0) return awaitedMs;
    const entry = table.holder(nodeName);
    if (this.#right !== undefined && entry?.item.lease !== this.#right.lease) this.#lose();
    if (entry === undefined) return this.#claim(hold, undefined);
    if (entry.holder.machine !== hold.wish.machine) {
      const words = `the name ${nodeName} belongs to another machine (${entry.holder.machine})`;
      hold.tell(noHolding(`${words} until its lease in etcd has ended or is revoked`));
      return IDLE_MS;
    }
    const subnet = table.held(entry);
    if (subnet === undefined && this.#right !== undefined) this.#lose();
    this.#lacks = undefined;
    if (subnet === undefined) return this.#claim(hold, { entry, subnet });
    if (fits(hold.wish.config, entry.holder.subnets)) return this.#keep(hold, entry, subnet);
    return this.#change(hold, entry, subnet);
  }

  /** Something else is wished for; what is held of it stays held, whatever becomes of the rest. */
  async #change(hold: Hold, entry: HolderEntry, subnet: SubnetEntry): Promise<Pause | undefined> {
    const isKept = entry.holder.subnets.some((each) => isWished(hold.wish.config, each));
    if (isKept && this.#right === undefined) return this.#keep(hold, entry, subnet);
    if (isKept && this.#pick(hold.wish, subnet) === undefined) {
      this.#lacks = noneFree(hold.wish);
      return this.#keep(hold, entry, subnet);
    }
    return this.#claim(hold, { entry, subnet });
  }

  /** The right to what is in the table under the node's own name. */
  async #keep(hold: Hold, entry: HolderEntry, subnet: SubnetEntry): Promise<Pause | undefined> {
    const { table, clock } = this.#parts;
    // A right to a part is that of before a change: the rest has not been looked at.
    if (!table.ownSubnets(entry).every((each) => this.#right?.subnets.includes(each))) {
      const older = olderOverlap(subnet, table);
      if (older !== undefined) return this.#giveWay(hold, { entry, subnet }, older);
      const revision =
        (await correctAddresses(this.#parts, entry, hold.stop)) ??
        (await this.#further.giveWay({ entry, subnet }, hold.stop));
      if (revision !== undefined) return this.#await(revision);
    } else if (this.#right !== undefined) {
      const dueMs = renewalDueMs(this.#right) - clock.boottimeMs();
      if (dueMs > 0) return this.#keepFurther(hold, { entry, subnet }, dueMs);
    }
    return this.#renew(hold, entry);
  }

  /** What is held beside the first subnets, with a right that is not to be renewed yet. */
  async #keepFurther(hold: Hold, claimed: Claimed, dueMs: number): Promise<Pause | undefined> {
    if (this.#right === undefined) return undefined;
    this.#right = this.#further.remaining(this.#right, claimed.entry);
    const written = await this.#further.step(hold.wish, claimed, hold.stop);
    if (written === 'nothing') {
      this.#tellHeld(hold, this.#right);
      return Math.min(dueMs, IDLE_MS);
    }
    if (written !== 'outrun') return this.#await(written);
    this.#tellHeld(hold, this.#right);
    return undefined;
  }

  async #renew(hold: Hold, entry: HolderEntry): Promise<Pause | undefined> {
    const { lease } = entry.item;
    if (lease === this.#gone) return undefined;
    const right = await renewedRight(this.#parts, entry, hold.stop);
    if (right === undefined) {
      this.#gone = lease;
      this.#lose();
      return undefined;
    }
    this.#right = right;
    this.#lost = [];
    this.#tellHeld(hold, right);
    return lease === NO_LEASE ? IDLE_MS : 0;
  }

  #lose(): void {
    const { right } = this;
    if (right === undefined) return;
    this.#lost = firstOf(right);
    this.#further.lose(right);
    this.#right = undefined;
    this.#parts.log.warn({ subnets: right.subnets }, 'the claim in etcd is gone');
  }

  /** Of two claims at once the later one, whose key is another but overlaps. */
  async #giveWay(hold: Hold, claimed: Claimed, older: SubnetEntry): Promise<Pause | undefined> {
    const { api, table, log } = this.#parts;
    const to = ownerWords(older, table);
    log.warn({ key: older.name, to }, 'the claimed subnet overlaps an older one: giving it back');
    const { item } = claimed.entry;
    const before = this.#right?.subnets ?? [];
    if (before.length > 0 && !overlapsAny(older, before)) return this.#claim(hold, claimed);
    hold.tell(noHolding(`the claim overlapped ${older.name} of ${to}`));
    if (item.lease !== NO_LEASE) await api.revoke(item.lease, hold.stop);
    return undefined;
  }

  #pick(wish: SubnetWish, replaced: SubnetEntry | undefined): readonly Cidr[] | undefined {
    const { table, random } = this.#parts;
    const previous = [...this.#lost, ...(this.#right?.subnets ?? []), ...wish.previous];
    const own = replaced?.name;
    return pickSubnets({ config: wish.config, previous }, table, { own, random });
  }

  /** What is held already, and is part of the new claim, is held all the while. */
  async #claim(hold: Hold, replaced: Replaced | undefined): Promise<Pause | undefined> {
    const { api, table, layout, nodeName, addresses } = this.#parts;
    const { wish, stop } = hold;
    const picked = this.#pick(wish, replaced?.subnet);
    const loss = lossWords(this.#lost, picked, table);
    if (loss !== undefined) hold.tell(noHolding(loss));
    if (picked === undefined) {
      hold.tell(noHolding(noneFree(wish)));
      return IDLE_MS;
    }
    const kept = this.#leaseOfKept(picked) ?? this.#further.leaseOf(replaced?.entry, this.#gone);
    const { leaseSeconds } = this.#parts.lease;
    const lease = kept ?? this.#spare ?? (await api.grant(leaseSeconds, stop));
    if (kept === undefined) this.#spare = lease;
    const rendered = this.#parts.rendered();
    // What a process before this one has published is better than nothing.
    const value = rendered.advert === undefined ? replaced?.subnet?.item.value : undefined;
    const said = value === undefined ? rendered : { ...rendered, value };
    const further = lease === replaced?.entry.item.lease ? replaced.entry.holder.further : [];
    const keys = { layout, nodeName, lease, subnets: picked, further, ...said };
    const identity = { machine: wish.machine, addresses };
    let committed: Awaited<ReturnType<EtcdApi['transact']>>;
    try {
      committed = await api.transact(claimTransaction(keys, identity, replaced), stop);
    } catch (error) {
      // Carried out or not, the table will say; the next try needs a lease that surely lives.
      this.#spare = undefined;
      throw error;
    }
    if (!committed.succeeded) return this.#outrun(hold);
    this.#spare = undefined;
    return this.#await(committed.revision);
  }

  /** Of a claim that goes on in part: its end stays as it is. What is given up ends before. */
  #leaseOfKept(picked: readonly Cidr[]): LeaseId | undefined {
    const { right } = this;
    if (right === undefined || !firstOf(right).some((each) => picked.includes(each))) {
      return undefined;
    }
    this.#right = withFirst(right, picked);
    return right.lease;
  }

  #await(revision: number): Pause {
    this.#awaited = { revision, untilMs: this.#parts.clock.monotonicMs() + SHOWN_WITHIN_MS };
    return IDLE_MS;
  }

  /** Another was faster, or the table was not up to date. */
  #outrun(hold: Hold): undefined {
    if (this.#right !== undefined) return undefined;
    if (this.#lost.length > 0 || this.#failures > 2) hold.tell(noHolding(outrunBy(this.#lost)));
    return undefined;
  }

  #tellHeld(hold: Hold, right: Right): void {
    const { clock, problem } = this.#parts;
    const isWhole = holdsAll(right, hold.wish);
    const lacks = isWhole ? undefined : (this.#lacks ?? problem() ?? BEING_CLAIMED);
    const { noFurther } = this.#further;
    hold.tell(heldOrEnded({ ...right, lacks, noFurther }, clock.boottimeMs(), problem()));
  }

  /** Whoever waits looks again when the right ends. */
  #withinRight(waitMs: number): number {
    const endMs = this.#right?.end.boottimeMs ?? Number.POSITIVE_INFINITY;
    const leftMs = endMs - this.#parts.clock.boottimeMs();
    return leftMs > 0 ? Math.min(waitMs, leftMs) : waitMs;
  }
}
