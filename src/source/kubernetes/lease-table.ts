// The Leases of subnets as last seen, by subnet and by the Node that owns them. What the server
// answered to the node's own writes is entered as well, before the watch shows it.

import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily } from '../../net/cidr.ts';
import { parseLeaseName } from './lease-name.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { Reflected } from './reflector.ts';

export class LeaseTable {
  #bySubnet = new Map<Cidr, LeaseRecord>();
  readonly #ofOwnName = new Map<Cidr, LeaseRecord>();
  readonly #byOwner = new Map<string, readonly Cidr[]>();
  #isListed = false;

  /** Whether all are known. */
  get isListed(): boolean {
    return this.#isListed;
  }

  get(subnet: Cidr): LeaseRecord | undefined {
    return this.#bySubnet.get(subnet);
  }

  subnets(): Iterable<Cidr> {
    return this.#bySubnet.keys();
  }

  records(): Iterable<LeaseRecord> {
    return this.#bySubnet.values();
  }

  /** Those that were claimed in the own node's name, by this machine or another. */
  ofOwnName(): readonly LeaseRecord[] {
    return [...this.#ofOwnName.values()];
  }

  /** What the Node of this uid holds, IPv4 first, further ones of a family last. */
  ownedBy(nodeUid: string): readonly Cidr[] {
    return this.#byOwner.get(nodeUid) ?? [];
  }

  /** Enters what the watch says; returns the uids of the Nodes that it concerns. */
  see(event: Reflected<LeaseRecord | undefined>): readonly string[] {
    switch (event.kind) {
      case 'listed':
        this.#isListed = true;
        this.#bySubnet.clear();
        this.#ofOwnName.clear();
        this.#byOwner.clear();
        for (const record of event.items) if (record !== undefined) this.put(record);
        return [];
      case 'put':
        return event.item === undefined ? [] : this.put(event.item);
      case 'gone': {
        const subnet = parseLeaseName(event.name);
        return subnet === undefined ? [] : this.remove(subnet, event.uid);
      }
    }
  }

  put(record: LeaseRecord): readonly string[] {
    const { subnet, ownerUid } = record;
    const before = this.#bySubnet.get(subnet);
    this.#bySubnet.set(subnet, record);
    if (record.own === undefined) this.#ofOwnName.delete(subnet);
    else this.#ofOwnName.set(subnet, record);
    if (before?.ownerUid === ownerUid) return [];
    if (before !== undefined) this.#disown(before);
    if (ownerUid === '') return before === undefined ? [] : [before.ownerUid];
    const owned = [...this.ownedBy(ownerUid), subnet];
    this.#byOwner.set(ownerUid, owned.length < 2 ? owned : owned.sort(this.#inOrder));
    return before === undefined ? [ownerUid] : [before.ownerUid, ownerUid];
  }

  /** A deletion that names an older Lease than the own one that is known changes nothing. */
  remove(subnet: Cidr, uid: string): readonly string[] {
    const record = this.#bySubnet.get(subnet);
    if (record === undefined || (record.own !== undefined && record.own.uid !== uid)) return [];
    this.#bySubnet.delete(subnet);
    this.#ofOwnName.delete(subnet);
    this.#disown(record);
    return [record.ownerUid];
  }

  readonly #inOrder = (a: Cidr, b: Cidr): number =>
    cidrFamily(a).localeCompare(cidrFamily(b)) ||
    Number(this.#isFurther(a)) - Number(this.#isFurther(b)) ||
    (a < b ? -1 : a > b ? 1 : 0);

  #isFurther(subnet: Cidr): boolean {
    return this.#bySubnet.get(subnet)?.isFurther === true;
  }

  #disown({ subnet, ownerUid }: LeaseRecord): void {
    const left = this.ownedBy(ownerUid).filter((other) => other !== subnet);
    if (left.length === 0) this.#byOwner.delete(ownerUid);
    else this.#byOwner.set(ownerUid, left);
  }
}

export const byFamilyAndAddress = (a: Cidr, b: Cidr): number =>
  cidrFamily(a).localeCompare(cidrFamily(b)) || (a < b ? -1 : a > b ? 1 : 0);
