// The steps that a node takes to have its subnets: each is one request, or two where the answer of
// the first leaves open who has a subnet. What the server answers is entered where the watch would
// enter it, so that the next decision is made by it. Failures reject; the loop waits and retries.

import type { SubnetWish } from '../../cluster/holding.ts';
import { assertNever } from '../../lib/assert.ts';
import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily } from '../../net/cidr.ts';
import type { Family } from '../../net/family.ts';
import type { Step } from './claim-view.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LeaseCalls } from './lease-calls.ts';
import { takerText } from './lease-candidates.ts';
import { leaseName } from './lease-name.ts';
import type { Claimant, LeaseRecord } from './lease-record.ts';
import type { RecordSteps } from './record-steps.ts';

export type ClaimStepsOptions = {
  readonly calls: LeaseCalls;
  readonly log: Log;
  readonly nodeName: string;
  readonly cluster: ClusterView;
  readonly records: RecordSteps;
};

/** The part of ClaimMemory that steps change. */
export type ClaimStepsMemory = {
  readonly fresh: Set<Cidr>;
  readonly verified: Set<Cidr>;
  readonly refused: Map<Cidr, string>;
  readonly pending: Map<Family, Cidr>;
  /** Claims in a row that others were faster at. */
  conflicts: number;
};

type Claim = Extract<Step, { kind: 'claim' }>;

export class ClaimSteps {
  readonly #options: ClaimStepsOptions;
  readonly #memory: ClaimStepsMemory;

  constructor(options: ClaimStepsOptions, memory: ClaimStepsMemory) {
    this.#options = options;
    this.#memory = memory;
  }

  async take(
    step: Exclude<Step, { kind: 'rest' }>,
    wish: SubnetWish,
    stop: AbortSignal,
  ): Promise<void> {
    const { records } = this.#options;
    switch (step.kind) {
      case 'decide':
        return records.decide(step, stop);
      case 'ask-change':
        return records.askChange(step.rules, stop);
      case 'settle-change':
        return records.settleChange(stop);
      case 'claim':
        return this.#claim(step, this.#claimant(wish), stop);
      case 'adopt':
        return this.#adopt(step.subnet, this.#claimant(wish), stop);
      case 'give-back':
        return this.#giveBack(step, stop);
      case 'verify':
        return this.#verify(step.subnets, this.#claimant(wish), stop);
      default:
        return assertNever(step);
    }
  }

  #claimant({ machine }: SubnetWish): Claimant {
    const { nodeName, cluster } = this.#options;
    const { own } = cluster;
    if (own !== undefined) return { nodeName, nodeUid: own.uid, machine };
    throw new AppError('KUBERNETES_API', 'claim a subnet', `there is no Node named ${nodeName}`);
  }

  /**
   * The watch of Leases may be ahead of that of Nodes: then a Lease that went with its Node was
   * seen to be free, and was claimed for a Node that is not there any more. It goes as well, soon,
   * or is moved to the new Node as soon as that is seen; till then it is not used.
   */
  async #verify(subnets: readonly Cidr[], claimant: Claimant, stop: AbortSignal): Promise<void> {
    await this.#checkNode(claimant, stop);
    if (!(await this.#options.records.isUnchanged(stop))) return;
    for (const subnet of subnets) this.#memory.verified.add(subnet);
  }

  /** Rejects where the Node of now is not the one that was seen, by a server that lags as well. */
  async #checkNode({ nodeUid }: Claimant, stop: AbortSignal): Promise<void> {
    const { calls, nodeName } = this.#options;
    const uid = await calls.readNodeUid(stop);
    if (uid === nodeUid) return;
    const now = uid === undefined ? 'is deleted' : 'is another one';
    throw new AppError('KUBERNETES_API', 'verify a claim', `Node ${nodeName} ${now} by now`);
  }

  async #claim(claim: Claim, claimant: Claimant, stop: AbortSignal): Promise<void> {
    const { subnet, isNamed } = claim;
    const { calls, log } = this.#options;
    const { pending, fresh, verified, refused } = this.#memory;
    const family = cidrFamily(subnet);
    const wasPending = pending.get(family) === subnet;
    // Until there is an answer, it may have been made.
    pending.set(family, subnet);
    const made = await calls.claim(claim, claimant, stop);
    const found = made === undefined && isNamed ? await calls.read(subnet, stop) : made;
    pending.delete(family);
    const isMine = found?.own?.machine === claimant.machine;
    if (made !== undefined || (isMine && wasPending)) {
      fresh.add(subnet);
      verified.delete(subnet);
      log.info({ subnet, lease: leaseName(subnet) }, 'claimed a subnet');
    }
    if (found !== undefined && isMine) {
      this.#memory.conflicts = 0;
      this.#enter(found);
      return;
    }
    this.#memory.conflicts += 1;
    // One that was named and is not there now was deleted in between: it may be claimed again.
    if (found !== undefined) refused.set(subnet, takerText(found));
    else if (!isNamed) refused.set(subnet, 'held by another node');
  }

  async #adopt(subnet: Cidr, claimant: Claimant, stop: AbortSignal): Promise<void> {
    const { calls, cluster, log } = this.#options;
    // To a Node of before it would go with that.
    await this.#checkNode(claimant, stop);
    const uid = cluster.leases.get(subnet)?.own?.uid ?? '';
    const record = await calls.adopt(subnet, claimant, stop);
    if (record === undefined) this.#forget(subnet, uid);
    else this.#enter(record);
    log.info({ subnet, node: claimant.nodeUid }, 'a Lease was moved to the Node of now');
  }

  async #giveBack(lease: { subnet: Cidr; uid: string }, stop: AbortSignal): Promise<void> {
    const { calls, log } = this.#options;
    await calls.remove(lease, stop);
    this.#memory.fresh.delete(lease.subnet);
    this.#forget(lease.subnet, lease.uid);
    log.info({ subnet: lease.subnet }, 'gave a subnet back');
  }

  #enter(item: LeaseRecord): void {
    this.#options.cluster.seeLeases({ kind: 'put', item });
  }

  #forget(subnet: Cidr, uid: string): void {
    this.#options.cluster.seeLeases({ kind: 'gone', name: leaseName(subnet), uid });
  }
}
