// Which object an op is about, whatever it does to it: the key by which two ops are known to be
// about the same one, and the link that it is or lies on. Pure.

import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfQdisc,
  keyOfRoute,
  keyOfRule,
  linksOf,
} from './kernel-state.ts';
import type { OpObject } from './op.ts';
import { NFT_TABLE } from './own.ts';

export const keyOfLink = (name: string): string => `link ${name}`;

/** The same for two ops exactly when they cannot both hold. */
export const keyOfOp = (op: OpObject): string =>
  op.object === 'link' ? keyOfLink(op.value.name) : `${op.object} ${keyOfValue(op)}`;

function keyOfValue(op: Exclude<OpObject, { readonly object: 'link' }>): string {
  switch (op.object) {
    case 'address':
      return keyOfAddress(op.value);
    case 'nexthop':
      return keyOfNexthop(op.value);
    case 'route':
      return keyOfRoute(op.value);
    case 'neighbour':
      return keyOfNeighbour(op.value);
    case 'fdb':
      return keyOfFdbEntry(op.value);
    case 'rule':
      return keyOfRule(op.value);
    case 'qdisc':
      return keyOfQdisc(op.value);
    case 'sysctl':
      return op.value.path;
    case 'nft-table':
      return NFT_TABLE;
    case 'nft-element':
      return `${op.value.set} ${keyOfElement(op.value.element)}`;
  }
}

/** Of a map's element what stands before the colon; of a set's all of it. */
export function keyOfElement(element: string): string {
  const end = element.indexOf(' : ');
  return end < 0 ? element : element.slice(0, end);
}

/** The link that an op is about, if it is about one. */
export function linkOf(op: OpObject): string | undefined {
  switch (op.object) {
    case 'link':
      return op.value.name;
    case 'address':
    case 'nexthop':
    case 'neighbour':
    case 'fdb':
    case 'qdisc':
      return op.value.link;
    case 'route':
      return linksOf(op.value.via)[0];
    case 'sysctl':
      return op.value.path.split('/')[2];
    default:
      return undefined;
  }
}
