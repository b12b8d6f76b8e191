// The subnets that a node has beside the first one of each family, as its agent wishes: which one
// is claimed or given back next, and which of those that have lost their Leases go on. They come
// and go by themselves; nothing here takes the first one of a family away. Pure.

import type { FamilyConfig } from '../../config/config.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, containsCidr } from '../../net/cidr.ts';
import type { ClaimView, Step } from './claim-view.ts';
import { heldSubnets, REST } from './claim-view.ts';
import type { Stock } from './lease-candidates.ts';
import { candidateOf, fullText, giveBack, keptTold, takerOf } from './lease-candidates.ts';

type FurtherPlan = {
  readonly step: Step;
  /** Without a Lease at this moment, and claimed again before anybody is told. */
  readonly stillHeld: readonly Cidr[];
  /** To be claimed again, held meanwhile or not. */
  readonly lost: readonly Cidr[];
  /** Why there is no other one for the node. */
  readonly noFurther?: string | undefined;
};

export function assessFurther(view: ClaimView, stock: Stock, random: () => number): FurtherPlan {
  const { memory, nodes, wish } = view;
  const lost = nodes.own === undefined ? [] : lostAndFree(view, stock);
  const told = heldSubnets(keptTold(memory.told));
  const stillHeld =
    memory.problem === undefined ? lost.filter((subnet) => told.includes(subnet)) : [];
  const common = { lost, stillHeld };
  const [again] = lost;
  if (again !== undefined) {
    return { ...common, step: { kind: 'claim', subnet: again, isNamed: true, isFurther: true } };
  }
  const spare = stock.further.find(({ subnet }) => wish.further?.spare.includes(subnet));
  if (spare !== undefined) return { ...common, step: giveBack(spare) };
  const family = stock.families.find((each) => isShort(view, stock, each));
  if (family === undefined || nodes.own === undefined) return { ...common, step: REST };
  const candidate = candidateOf(view, family, random);
  if (candidate === undefined) return { ...common, step: REST, noFurther: fullText(family) };
  const noFurther =
    memory.problem === undefined ? undefined : `none could be claimed yet: ${memory.problem}`;
  return { ...common, step: { kind: 'claim', ...candidate, isFurther: true }, noFurther };
}

/** Not what has its Lease. What somebody else has by now is lost, and its pods are isolated. */
function lostAndFree(view: ClaimView, { families }: Stock): readonly Cidr[] {
  const { memory, wish } = view;
  const known = new Set([...heldSubnets(keptTold(memory.told)), ...memory.lostFurther]);
  const spare = wish.further?.spare ?? [];
  return [...known].filter(
    (subnet) =>
      !spare.includes(subnet) &&
      families.some(({ network }) => containsCidr(network, subnet)) &&
      takerOf(view, subnet) === undefined,
  );
}

function isShort({ wish }: ClaimView, { kept, further }: Stock, { family }: FamilyConfig): boolean {
  const count = wish.further?.counts[family] ?? 0;
  return [...kept, ...further].filter(({ subnet }) => cidrFamily(subnet) === family).length < count;
}
