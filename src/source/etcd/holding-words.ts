// How a node's right is told: in words that say what it waits for, and only when there is something
// new to tell. Pure.

import type { Holding, SubnetWish } from '../../cluster/holding.ts';
import { BEING_CLAIMED } from '../../cluster/holding.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily } from '../../net/cidr.ts';
import { overlapping, ownerWords } from './claim.ts';
import type { Right } from './right.ts';
import { holdingEnd } from './right.ts';
import type { EtcdTable } from './table.ts';

const ETCD = { authority: 'etcd', explanation: 'etcd is the datastore' } as const;

export const noHolding = (reason: string): Holding => ({ kind: 'none', ...ETCD, reason });

/** Nothing is decided yet, neither well nor badly: no reason to complain. */
export const notDecided = (listed: number | undefined, problem?: string): Holding => ({
  ...{ kind: 'none', explanation: ETCD.explanation },
  ...(listed === undefined
    ? { authority: undefined, reason: problem ?? 'etcd has not been listed yet' }
    : { authority: ETCD.authority, reason: problem ?? BEING_CLAIMED }),
});

/** What is held, or that it is not any more: its end has passed unrenewed. */
export function heldOrEnded(
  right: Right & {
    readonly lacks: string | undefined;
    readonly noFurther: string | undefined;
  },
  nowBoottimeMs: number,
  problem?: string,
): Holding {
  const { subnets, end, lacks, noFurther } = right;
  if (nowBoottimeMs < end.boottimeMs) {
    const words = {
      ...(lacks === undefined ? {} : { lacks }),
      ...(noFurther === undefined ? {} : { noFurther }),
    };
    return { kind: 'held', ...ETCD, subnets, ...words, ...holdingEnd(right) };
  }
  const why = problem ?? 'etcd did not renew it';
  return noHolding(`the right to ${subnets.join(', ')} has ended: ${why}`);
}

export const noneFree = ({ config: { families } }: Pick<SubnetWish, 'config'>): string => {
  const ranges = families.map(
    ({ subnetMin, subnetMax, subnetLengthBits }) =>
      `/${subnetLengthBits} from ${subnetMin} to ${subnetMax}`,
  );
  return `there is no free subnet (${ranges.join('; ')}): waiting for one`;
};

export const holdsAll = ({ subnets }: Right, { config }: SubnetWish): boolean =>
  config.families.every(({ family }) => subnets.some((each) => cidrFamily(each) === family));

/** Who has what was lost; `undefined` when nothing was, or it is about to be claimed again. */
export function lossWords(
  lost: readonly Cidr[],
  picked: readonly Cidr[] | undefined,
  table: EtcdTable,
): string | undefined {
  if (lost.every((subnet) => picked?.includes(subnet) === true)) return undefined;
  const entry = overlapping(lost, table);
  const owner = entry === undefined ? 'nobody yet' : ownerWords(entry, table);
  return `${lost.join(', ')} was lost: ${owner} has it now`;
}

/** Others claim at the same time. */
export const outrunBy = (lost: readonly Cidr[]): string => {
  const words = lost.length > 0 ? `${lost.join(', ')} was lost: ` : '';
  return `${words}other nodes claim at the same time, trying again`;
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
