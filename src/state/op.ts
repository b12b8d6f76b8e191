// One step from the actual to the desired state: a verb and an object. An op is data: order.ts puts
// a list of them into a safe order, print.ts shows them as `ip` text, src/kernel carries them out.

import type { Mac } from '../net/mac.ts';
import type {
  Address,
  FdbEntry,
  Link,
  Neighbour,
  Nexthop,
  NftTable,
  Qdisc,
  Route,
  Rule,
} from './kernel-state.ts';

/** One element of a named set of our nftables table; of a map `KEY : DATA`. */
export type NftElement = { readonly set: string; readonly element: string };
export type Sysctl = { readonly path: string; readonly value: string };

export type OpObject =
  | { readonly object: 'link'; readonly value: Link }
  | { readonly object: 'address'; readonly value: Address }
  | { readonly object: 'nexthop'; readonly value: Nexthop }
  | { readonly object: 'route'; readonly value: Route }
  | { readonly object: 'neighbour'; readonly value: Neighbour }
  | { readonly object: 'fdb'; readonly value: FdbEntry }
  | { readonly object: 'rule'; readonly value: Rule }
  | { readonly object: 'qdisc'; readonly value: Qdisc }
  | { readonly object: 'sysctl'; readonly value: Sysctl }
  | { readonly object: 'nft-table'; readonly value: NftTable }
  | { readonly object: 'nft-element'; readonly value: NftElement };

/** `change` replaces an object of the same key in one step, without a moment of absence. */
export type AddOp = OpObject & { readonly verb: 'add' };
export type ChangeOp = OpObject & { readonly verb: 'change' };
export type RemoveOp = OpObject & { readonly verb: 'remove' };

export type LinkRemoval = RemoveOp & { readonly object: 'link' };

/** To remove a link its name is enough. */
export function removalOfLink(name: string): LinkRemoval {
  const mac = '00:00:00:00:00:00' as Mac;
  const value: Link = { kind: 'veth', name, up: false, mtuBytes: 0, mac, group: 0, alias: '' };
  return { verb: 'remove', object: 'link', value };
}

export type Op = AddOp | ChangeOp | RemoveOp;
/** What may be done while the cluster is only remembered: nothing is ever removed. */
export type AdditiveOp = AddOp | ChangeOp;
