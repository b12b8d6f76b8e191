// Nodes that were deleted and made again while one of two watches was away: Nodes and Leases come
// by watches of their own, and one of them may be minutes behind the other, so that for a while the
// Leases of a Node are known by another uid than the Node itself. That machine has not lost its
// subnets, and its peers go on sending to it until what is behind has caught up and says otherwise.

import type { ClusterNode } from '../../cluster/node.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily } from '../../net/cidr.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { LeaseTable } from './lease-table.ts';
import { byFamilyAndAddress } from './lease-table.ts';

/** The uid by which a Node's Leases are known, and the machine that it must be of. */
type Other = { readonly uid: string; readonly machine: string };

type Nodes = Pick<ReadonlyMap<string, ClusterNode>, 'get'>;

export class RemadeNodes {
  /** By the uid of the Node as it is known. */
  readonly #others = new Map<string, Other>();

  /** A Node is told of that had another uid before: its Leases may be behind. */
  seeNode(before: ClusterNode | undefined, now: ClusterNode, leases: LeaseTable): void {
    const machine = before?.advert?.machine;
    if (before === undefined || machine === undefined || before.uid === now.uid) return;
    const other = this.#others.get(before.uid);
    this.#others.delete(before.uid);
    const uid = leases.ownedBy(before.uid).length > 0 ? before.uid : other?.uid;
    if (uid !== undefined && uid !== now.uid) this.#others.set(now.uid, { uid, machine });
  }

  /** A Lease of a Node belongs to another uid now, in its name: the Node may be behind. */
  seeLease(ownerBefore: string | undefined, record: LeaseRecord, nodes: Nodes): void {
    const { holder, ownerUid } = record;
    const node = nodes.get(holder);
    const machine = node?.advert?.machine;
    if (node === undefined || machine === undefined || node.uid !== ownerBefore) return;
    if (ownerUid !== node.uid && ownerUid !== '')
      this.#others.set(node.uid, { uid: ownerUid, machine });
  }

  /** Leases of this Node may be those of that uid. */
  isKnownBy(node: ClusterNode, ownerUid: string): boolean {
    return this.#others.get(node.uid)?.uid === ownerUid;
  }

  forget(uid: string): void {
    this.#others.delete(uid);
  }

  /** What the Leases say of a Node; of a family of which its own uid has none, by the other. */
  subnetsOf(node: ClusterNode, leases: LeaseTable): readonly Cidr[] {
    const subnets = leases.ownedBy(node.uid);
    const other = this.#others.get(node.uid);
    if (other === undefined || node.advert?.machine !== other.machine) return subnets;
    const families = subnets.map(cidrFamily);
    const missing = leases.ownedBy(other.uid).filter((one) => !families.includes(cidrFamily(one)));
    return missing.length === 0 ? subnets : [...subnets, ...missing].sort(byFamilyAndAddress);
  }
}
