// Prefixes as they stand in nft text. An anonymous interval set must not hold one prefix inside of
// another (nft before 1.0 and some after refuse it), so those are left out; they mean nothing new.

import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, containsCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';

export const ofFamily = (cidrs: readonly Cidr[], family: Family): readonly Cidr[] =>
  cidrs.filter((cidr) => cidrFamily(cidr) === family);

/** Without those that lie inside of another, sorted, each once. */
function outermost(cidrs: readonly Cidr[]): readonly Cidr[] {
  const unique = [...new Set(cidrs)].sort();
  return unique.filter(
    (inner) => !unique.some((outer) => outer !== inner && containsCidr(outer, inner)),
  );
}

/** One prefix as it is, several as a set; there must be at least one. */
export function matchText(cidrs: readonly Cidr[]): string {
  const prefixes = outermost(cidrs);
  return prefixes.length === 1 ? `${prefixes[0]}` : `{ ${prefixes.join(', ')} }`;
}
