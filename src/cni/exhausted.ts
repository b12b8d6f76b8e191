// What is said where no address is left for a pod: which subnets are full, and what would help. One
// text for ADD and STATUS. Pure.

import type { AddressChoice } from './ipam.ts';
import type { NodeNetwork } from './node-network.ts';

export const NO_FREE_ADDRESS = 'no free address';

export function exhaustedText(
  { subnets }: Extract<AddressChoice, { kind: 'exhausted' }>,
  { whenFull }: NodeNetwork,
): string {
  const full = `all addresses of ${subnets.join(' and ')} are in use`;
  return whenFull.kind === 'grows'
    ? `${full}; a further subnet is being claimed`
    : `${full}; ${whenFull.reason}`;
}
