// What Poplin has left in the kernel, as the ops that remove it or put it back. What is ours is
// told by the kernel itself (src/state/own.ts); only what sysctls were before is remembered. Pure.

import { setsOthers } from '../desired/sysctls.ts';
import type { Cidr } from '../net/cidr.ts';
import { diff } from '../state/diff.ts';
import type { KernelState } from '../state/kernel-state.ts';
import { EMPTY_STATE } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { order } from '../state/order.ts';
import { BIRD_PROTOCOL, MAIN_TABLE, ownedPart } from '../state/own.ts';

/** `metric` of BIRD's kernel protocols (src/bgp/render.ts). */
const BIRD_METRIC = 32;

/** `networks`: those of pods, for kernels that do not say whose an address is. */
export function ownTraces(state: KernelState, networks: readonly Cidr[]): readonly Op[] {
  const nothing = { ...EMPTY_STATE, knowledge: 'complete' } as const;
  const removals: Op[] = diff(nothing, state, ownedPart(state, networks));
  const table = state.nftTable;
  if (table !== undefined) removals.push({ verb: 'remove', object: 'nft-table', value: table });
  return order(removals);
}

/** Of a state that was read with BIRD's protocol. */
export const birdTraces = ({ routes }: KernelState): readonly Op[] =>
  [...routes.values()]
    .filter(({ protocol, table, metric }) => {
      return protocol === BIRD_PROTOCOL && table === MAIN_TABLE && metric === BIRD_METRIC;
    })
    .map((value) => ({ verb: 'remove', object: 'route', value }));

export type SysctlTraces = {
  /** To be put back first: the kernel sets others with them. */
  readonly first: readonly Op[];
  /** Of what differs now; it has to be looked at again after those. */
  readonly others: readonly Op[];
};

export function sysctlTraces(
  originals: ReadonlyMap<string, string>,
  current: ReadonlyMap<string, string>,
): SysctlTraces {
  const ops = [...originals].flatMap(([path, value]): readonly Op[] => {
    const now = current.get(path);
    // The link has gone since.
    if (now === undefined || now === value) return [];
    return [{ verb: 'change', object: 'sysctl', value: { path, value } }];
  });
  const isFirst = (op: Op): boolean => op.object === 'sysctl' && setsOthers(op.value.path);
  return { first: ops.filter(isFirst), others: ops.filter((op) => !isFirst(op)) };
}
