// What fights (fights.ts) mean for the ops of a pass: which of them wait, together with what lies
// on an object that is not there meanwhile, and which repairs are to be counted.

import type { OpFailure } from '../kernel/kernel.ts';
import type { KernelState } from '../state/kernel-state.ts';
import { keyOfNexthop } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { keyOfOp, linkOf } from '../state/op-key.ts';
import { printObject } from '../state/print.ts';
import type { Fights } from './fights.ts';

/** Of a pass with more ops only those are counted that take others with them. */
const COUNTED_OPS_MAX = 1_000;

/** Those of the ops that need not wait. */
export function admitted(fights: Fights, ops: readonly Op[], actual: KernelState): readonly Op[] {
  if (fights.count === 0) return ops;
  // Of an object that is removed and made anew the making says what is wanted.
  const intents = new Map<string, string>();
  for (const op of ops) {
    const key = keyOfOp(op);
    if (fights.isFought(key)) intents.set(key, intentOf(op));
  }
  const waiting = new Set<string>();
  for (const [key, intent] of intents) if (fights.waitMs({ key, intent }) > 0) waiting.add(key);
  if (waiting.size === 0) return ops;
  const absent = absentWhile(
    ops.filter((op) => waiting.has(keyOfOp(op))),
    actual,
  );
  return ops.filter((op) => !waiting.has(keyOfOp(op)) && !absent(op));
}

/** Counts what of a pass was carried out. */
export function countRepairs(
  fights: Fights,
  ops: readonly Op[],
  failures: readonly OpFailure[],
): void {
  const failed = new Set(failures.map(({ op }) => op));
  const isShort = ops.length <= COUNTED_OPS_MAX;
  const last = new Map<string, Op>();
  for (const op of ops) {
    const takesOthers = op.object === 'link' || op.object === 'nft-table';
    if ((isShort || takesOthers) && !failed.has(op)) last.set(keyOfOp(op), op);
  }
  for (const [key, op] of last) {
    fights.repaired({ key, intent: intentOf(op), name: printObject(op) });
  }
}

/** Adding and changing put the same thing right. */
const intentOf = (op: Op): string => (op.verb === 'remove' ? 'nothing' : printObject(op));

/** Whether an op needs something that is not there as long as these wait. */
function absentWhile(waiting: readonly Op[], { links }: KernelState): (op: Op) => boolean {
  const absentLinks = new Set<string>();
  const nexthops = new Set<string>();
  let isTableAbsent = false;
  for (const op of waiting) {
    const isMissing = op.verb === 'add';
    if (op.object === 'link') {
      // Nothing can lie on a link that is down either.
      const { name } = op.value;
      if (isMissing || links.get(name)?.up === false) absentLinks.add(name);
    } else if (op.object === 'nexthop' && isMissing) {
      nexthops.add(keyOfNexthop(op.value));
    } else if (op.object === 'nft-table' && isMissing) {
      isTableAbsent = true;
    }
  }
  return (op) => {
    if (absentLinks.has(linkOf(op) ?? '')) return true;
    if (op.object === 'nft-element') return isTableAbsent;
    const isViaNexthop = op.object === 'route' && op.value.via.kind === 'nexthop';
    return isViaNexthop && nexthops.has(keyOfNexthop(op.value.via));
  };
}
