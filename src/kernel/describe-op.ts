// An op in a few words, for errors and logs: `add route 254 10.244.3.0/24 16`.

import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfQdisc,
  keyOfRule,
} from '../state/kernel-state.ts';
import type { Op, OpObject } from '../state/op.ts';

export const describeOp = (op: Op): string => `${op.verb} ${op.object} ${keyOfObject(op)}`;

function keyOfObject(object: OpObject): string {
  switch (object.object) {
    case 'link':
      return object.value.name;
    case 'address':
      return keyOfAddress(object.value);
    case 'nexthop':
      return keyOfNexthop(object.value);
    case 'route': {
      const { destination, table, metric } = object.value;
      return `${destination} table ${table} metric ${metric}`;
    }
    case 'neighbour':
      return keyOfNeighbour(object.value);
    case 'fdb':
      return keyOfFdbEntry(object.value);
    case 'rule':
      return keyOfRule(object.value);
    case 'qdisc':
      return keyOfQdisc(object.value);
    case 'sysctl':
      return `${object.value.path}=${object.value.value}`;
    case 'nft-table':
      return object.value.hash;
    case 'nft-element':
      return `${object.value.element} of ${object.value.set}`;
  }
}
