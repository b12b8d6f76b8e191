// How a node's right is told: in words that say what it waits for, and only when there is something
// new to tell. Pure.

import type { Holding, SubnetWish } from '../../cluster/holding.ts';

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
