// How a node's right is told: in words that say what it waits for, and only when there is something
// new to tell. Pure.

import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import type { Right } from './right.ts';
import { holdingEnd } from './right.ts';

const ETCD = { authority: 'etcd', explanation: 'etcd is the datastore' } as const;

export const noHolding = (reason: string): Holding => ({ kind: 'none', ...ETCD, reason });

export const heldHolding = (right: Right): Holding => ({
  kind: 'held',
  ...ETCD,
  subnets: right.subnets,
  ...holdingEnd(right),
});

export const endedHolding = ({ subnets }: Right, problem = 'etcd did not renew it'): Holding =>
  noHolding(`the right to ${subnets.join(', ')} has ended: ${problem}`);

export const noneFree = ({ config }: SubnetWish): string => {
  const ranges = config.families.map(
    ({ subnetMin, subnetMax, subnetLengthBits }) =>
      `/${subnetLengthBits} from ${subnetMin} to ${subnetMax}`,
  );
  return `there is no free subnet (${ranges.join('; ')}): waiting for one`;
};

/** Repeats are not told. */
export function tellingChanges(listener: (holding: Holding) => void): (holding: Holding) => void {
  let last = '';
  return (holding) => {
    const text = JSON.stringify(holding);
    if (text === last) return;
    last = text;
    listener(holding);
  };
}
