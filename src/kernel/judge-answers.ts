// What the kernel's answers to a batch of requests mean for the ops that they were made for: done,
// failed, or that something else is in the place. What is gone already counts as removed. Pure.

import type { Answer } from '../netlink/answer.ts';
import type { AddOp, Op } from '../state/op.ts';
import { describeOp } from './describe-op.ts';
import type { OpFailure } from './kernel.ts';
import { ERRNO } from './libc.ts';
import { failureOf } from './netlink-socket.ts';

/** An op that was sent, and the number of a message of it. */
export type Sent = { readonly op: Op; readonly sequence: number };

export type Judgement = {
  readonly failures: readonly OpFailure[];
  /** Adds in whose place there is something already. */
  readonly occupied: readonly { readonly op: AddOp; readonly answer: Answer }[];
  /** Ops that removed something. */
  readonly gone: readonly Op[];
};

export const NOTHING_SAID: Judgement = { failures: [], occupied: [], gone: [] };

/** What the kernel says when there is nothing to remove (any more). */
const GONE: ReadonlySet<number> = new Set([
  ERRNO.ENOENT,
  ERRNO.ESRCH,
  ERRNO.ENODEV,
  ERRNO.EADDRNOTAVAIL,
]);

/** Of qdiscs it says EINVAL: there is another at the place, or nothing that could hold one. */
const isGone = (op: Op, errno: number): boolean =>
  GONE.has(errno) || (op.object === 'qdisc' && errno === ERRNO.EINVAL);

/** An op without an answer was done: only failures are answered. */
export function judgeAnswers(
  sent: readonly Sent[],
  answers: ReadonlyMap<number, Answer>,
): Judgement {
  const failures: OpFailure[] = [];
  const occupied: Judgement['occupied'][number][] = [];
  const gone: Op[] = [];
  for (const [position, { op, sequence }] of sent.entries()) {
    const answer = answers.get(sequence);
    // Of an op that takes two messages the first failure says it.
    const before = sent[position - 1];
    if (before?.op === op && answers.has(before.sequence)) continue;
    const isDone = answer === undefined || (op.verb === 'remove' && isGone(op, answer.errno));
    if (isDone) {
      if (op.verb === 'remove') gone.push(op);
    } else if (op.verb === 'add' && answer.errno === ERRNO.EEXIST) occupied.push({ op, answer });
    else failures.push({ op, error: failureOf(describeOp(op), answer) });
  }
  return { failures, occupied, gone };
}
