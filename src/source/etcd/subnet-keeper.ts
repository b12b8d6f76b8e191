// Claims the node's subnet and keeps it: by one transaction under a lease of etcd's, which is
// renewed long before it ends. A claim counts once the table shows it and nothing older overlaps
// it. What is lost is claimed again first, then another; who has it is said. It gives nothing back
// by itself.

import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import type { EtcdApi, LeaseId } from './api.ts';
import { NO_LEASE } from './api.ts';
import type { Changes } from './changes.ts';
import {
  addressTransaction,
  claimTransaction,
  fits,
  olderOverlap,
  overlapping,
  ownerWords,
  pickSubnets,
} from './claim.ts';
import { heldOrEnded, noHolding, noneFree, notDecided, tellingChanges } from './holding-words.ts';
import type { KeyLayout } from './keys.ts';
import type { LeaseTiming, Right } from './right.ts';
import { renewalDueMs, rightFrom } from './right.ts';
import type { EtcdTable, HolderEntry, SubnetEntry } from './table.ts';

export type SubnetKeeperParts = {
  readonly api: EtcdApi;
  readonly layout: KeyLayout;
  readonly table: EtcdTable;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly nodeName: string;
  /** By which peers may reach this node, as far as it was told. */
  readonly addresses: readonly Ip[];
  readonly lease: LeaseTiming;
  /** What the node says of itself, for the values of the keys. */
  rendered(): { readonly value: string; readonly advert: string | undefined };
  problem(): string | undefined;
};

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
  readonly #parts: SubnetKeeperParts;
  #right: Right | undefined;
  /** A lease that was granted and has no keys yet. */
  #spare: LeaseId | undefined;
  /** etcd has said that this lease is no more: its keys are going. */
  #gone: LeaseId | undefined;
  /** The table is to show what was written; not for ever, since etcd may lose it. */
  #awaited = { revision: 0, untilMs: 0 };
  /** Held last, to be claimed again before any other. */
  #lost: readonly Cidr[] = [];
  #failures = 0;

  constructor(parts: SubnetKeeperParts) {
    this.#parts = parts;
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
    const { right } = this;
    const waitMs = backoffMs(RETRY, this.#failures, this.#parts.random());
    if (right === undefined) return waitMs;
    const leftMs = right.end.boottimeMs - this.#parts.clock.boottimeMs();
    return leftMs > 0 ? Math.min(waitMs, leftMs) : waitMs;
  }

  /** `undefined`: it did not work, and another try is due after a while. */
  async #step(hold: Hold): Promise<Pause | undefined> {
    const { table, nodeName } = this.#parts;
    if (table.revision === undefined) {
      const { problem } = this.#parts;
      if (this.#right === undefined) hold.tell(notDecided(undefined, problem()));
      else this.#tellHeld(hold, this.#right);
      return Math.min(IDLE_MS, this.#leftMs());
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
    if (subnet === undefined || !fits(hold.wish.config, entry.holder.subnets)) {
      return this.#claim(hold, { entry, subnet });
    }
    return this.#keep(hold, entry, subnet);
  }

  /** The right to what is in the table under the node's own name. */
  async #keep(hold: Hold, entry: HolderEntry, subnet: SubnetEntry): Promise<Pause | undefined> {
    const { table, clock } = this.#parts;
    if (this.#right === undefined) {
      const older = olderOverlap(subnet, table);
      if (older !== undefined) return this.#giveWay(hold, entry, older);
      if (await this.#correctAddresses(entry, hold.stop)) return IDLE_MS;
    } else {
      const dueMs = renewalDueMs(this.#right) - clock.boottimeMs();
      if (dueMs > 0) {
        this.#tellHeld(hold, this.#right);
        return Math.min(dueMs, IDLE_MS);
      }
    }
    return this.#renew(hold, entry);
  }

  /** The machine may have other addresses than when it claimed. */
  async #correctAddresses(entry: HolderEntry, stop: AbortSignal): Promise<boolean> {
    const { api, addresses } = this.#parts;
    const transaction = addressTransaction(entry, addresses);
    if (transaction === undefined) return false;
    const committed = await api.transact(transaction, stop);
    if (committed.succeeded) this.#await(committed.revision);
    return true;
  }

  async #renew(hold: Hold, { item, holder }: HolderEntry): Promise<Pause | undefined> {
    const { api, clock, lease: timing } = this.#parts;
    const { lease } = item;
    const asked = { boottimeMs: clock.boottimeMs(), wallClockMs: clock.now().getTime() };
    const { machine } = hold.wish;
    const { subnets, subnetKey } = holder;
    const identity = { lease, subnets, subnetKey, machine };
    if (lease === NO_LEASE) {
      // Somebody has pinned it for this node: it never ends.
      this.#take(hold, rightFrom(identity, { ...asked, ttlMs: Number.POSITIVE_INFINITY }, timing));
      return IDLE_MS;
    }
    if (lease === this.#gone) return undefined;
    const ttlSeconds = await api.renew(lease, hold.stop);
    if (ttlSeconds === undefined) {
      this.#gone = lease;
      this.#lose();
      return undefined;
    }
    this.#take(hold, rightFrom(identity, { ...asked, ttlMs: ttlSeconds * 1000 }, timing));
    return 0;
  }

  #take(hold: Hold, right: Right): void {
    this.#right = right;
    this.#lost = [];
    this.#tellHeld(hold, right);
  }

  #lose(): void {
    const { right } = this;
    if (right === undefined) return;
    this.#lost = right.subnets;
    this.#right = undefined;
    this.#parts.log.warn({ subnets: right.subnets }, 'the claim in etcd is gone');
  }

  /** Of two claims at once the later one, whose key is another but overlaps. */
  async #giveWay(hold: Hold, { item }: HolderEntry, older: SubnetEntry): Promise<undefined> {
    const { api, table, log } = this.#parts;
    const to = ownerWords(older, table);
    log.warn({ key: older.name, to }, 'the claimed subnet overlaps an older one: giving it back');
    hold.tell(noHolding(`the claim overlapped ${older.name} of ${to}`));
    if (item.lease !== NO_LEASE) await api.revoke(item.lease, hold.stop);
    return undefined;
  }

  async #claim(
    hold: Hold,
    replaced: { readonly entry: HolderEntry; readonly subnet: SubnetEntry | undefined } | undefined,
  ): Promise<Pause | undefined> {
    const { api, table, random, layout, nodeName, addresses, lease: timing } = this.#parts;
    const { wish, stop } = hold;
    const previous = [...this.#lost, ...wish.previous];
    const own = replaced?.subnet?.name;
    const picked = pickSubnets({ config: wish.config, previous }, table, { own, random });
    this.#tellLoss(hold, picked);
    if (picked === undefined) {
      hold.tell(noHolding(noneFree(wish)));
      return IDLE_MS;
    }
    this.#spare ??= await api.grant(timing.leaseSeconds, stop);
    const lease = this.#spare;
    const keys = { layout, nodeName, lease, subnets: picked, ...this.#parts.rendered() };
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
    this.#await(committed.revision);
    return IDLE_MS;
  }

  #await(revision: number): void {
    this.#awaited = { revision, untilMs: this.#parts.clock.monotonicMs() + SHOWN_WITHIN_MS };
  }

  /** Another was faster, or the table was not up to date. */
  #outrun(hold: Hold): undefined {
    const isLost = this.#lost.length > 0;
    if (isLost || this.#failures > 2) {
      const words = isLost ? `${this.#lost.join(', ')} was lost: ` : '';
      hold.tell(noHolding(`${words}other nodes claim at the same time, trying again`));
    }
    return undefined;
  }

  /** Says who has what was lost, unless it is about to be claimed again. */
  #tellLoss(hold: Hold, picked: readonly Cidr[] | undefined): void {
    if (this.#lost.length === 0) return;
    const { table } = this.#parts;
    const isAgain = this.#lost.every((subnet) => picked?.includes(subnet) === true);
    if (isAgain) return;
    const entry = overlapping(this.#lost, table);
    const words = entry === undefined ? 'nobody yet' : ownerWords(entry, table);
    hold.tell(noHolding(`${this.#lost.join(', ')} was lost: ${words} has it now`));
  }

  #tellHeld(hold: Hold, right: Right): void {
    hold.tell(heldOrEnded(right, this.#parts.clock.boottimeMs(), this.#parts.problem()));
  }

  #leftMs(): number {
    const { right } = this;
    if (right === undefined) return IDLE_MS;
    const leftMs = right.end.boottimeMs - this.#parts.clock.boottimeMs();
    return leftMs > 0 ? leftMs : IDLE_MS;
  }
}
