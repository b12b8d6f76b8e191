// Ops as one row of requests, for those that need no look at the kernel in between: whatever they
// name is known beforehand, be it that the caller chose the index of a link that is yet to be made.

import { AppError } from '../lib/errors.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import { encodeLinkQuery } from '../netlink/link.ts';
import type { Link } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { describeOp } from './describe-op.ts';
import { linkFrom } from './from-messages.ts';
import type { Sent } from './judge-answers.ts';
import { requestLinkAdd, requestLinkChange } from './link-requests.ts';
import { LinkTouches } from './link-touches.ts';
import { requestQdisc } from './qdisc-requests.ts';
import type { Resolver } from './requests.ts';
import { requestAddress, requestNeighbour, requestRoute } from './requests.ts';

/**
 * Puts into `sent` which request is of which op. Throws AppError for an op that does not go this
 * way, or names what is not known; what was written before it stays written.
 */
export function requestPlainly(resolver: Resolver, ops: readonly Op[], sent: Sent[]): void {
  const touches = new LinkTouches(resolver);
  const writeTouches = (): void =>
    touches.write((touch, sequence) => {
      for (const op of touch.ops) if (op.object === 'sysctl') sent.push({ op, sequence });
    });
  for (const op of ops) {
    if (op.object === 'sysctl') {
      touches.addSetting(op, () => false);
      continue;
    }
    writeTouches();
    for (const sequence of requestOne(resolver, op)) sent.push({ op, sequence });
    if (op.object === 'link' && op.verb === 'add' && op.value.alias !== '') {
      touches.addAlias(op, resolver.link(op.value.name), 'none');
    }
  }
  writeTouches();
}

function requestOne(resolver: Resolver, op: Op): readonly number[] {
  const { verb } = op;
  if (verb !== 'remove') {
    if (op.object === 'link') {
      if (verb === 'change') return changeLink(resolver, op.value);
      return [requestLinkAdd(resolver, op.value, resolver.link(op.value.name))];
    }
    if (op.object === 'qdisc') return [requestQdisc(resolver, verb, op.value)];
    if (op.object === 'route') return [requestRoute(resolver, verb, op.value)];
    if (op.object === 'neighbour') return [requestNeighbour(resolver, verb, op.value)];
    if (op.object === 'address' && verb === 'add')
      return [requestAddress(resolver, verb, op.value)];
  }
  throw new AppError('NETLINK', describeOp(op), 'it cannot be done without looking');
}

function changeLink(resolver: Resolver, wanted: Link): readonly number[] {
  const { links, currentLinks } = resolver.session;
  const actual = links.get(resolver.link(wanted.name));
  if (actual === undefined || !currentLinks.has(wanted.name)) {
    throw new AppError('NETLINK', `change link ${wanted.name}`, 'it may have changed');
  }
  const sequences = requestLinkChange(resolver, linkFrom(actual, links), wanted);
  // So that what was just set up can send from now on: see RtnetlinkBatch.
  if (wanted.up && !actual.up) {
    encodeLinkQuery(resolver.writer, NLM_F_REQUEST, { index: actual.index });
  }
  return sequences;
}
