// Ops on qdiscs as rtnetlink requests. What leads a link's packets to another takes several
// messages, of which only the last says whether it was done. Names are resolved before a message is
// begun, since resolving may send what was written before.

import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, REMOVE, REPLACE } from '../netlink/constants.ts';
import { encodeFilterRemoval, encodeRedirect } from '../netlink/filter.ts';
import {
  encodeClsact,
  encodeRootRemoval,
  encodeTokenBucket,
  RTM_NEWQDISC,
} from '../netlink/qdisc.ts';
import type { Qdisc, RedirectQdisc } from '../state/kernel-state.ts';
import { QDISC_NUMBER } from '../state/own.ts';
import type { Resolver, Verb } from './requests.ts';

/** The minor number of a qdisc is 0. */
export const QDISC_HANDLE = QDISC_NUMBER << 16;
const MAKE = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;

/** The number of the message that counts. */
export function requestQdisc(resolver: Resolver, verb: Verb, qdisc: Qdisc): number {
  if (qdisc.kind === 'redirect') return requestRedirect(resolver, verb, qdisc);
  const linkIndex = resolver.link(qdisc.link);
  const { writer } = resolver;
  if (verb === 'remove') {
    return encodeRootRemoval(writer, REMOVE, { linkIndex, handle: QDISC_HANDLE });
  }
  // Another at the root, as the one that a link is made with, gives way.
  const request = { type: RTM_NEWQDISC, flags: REPLACE };
  return encodeTokenBucket(writer, request, { ...qdisc, linkIndex, handle: QDISC_HANDLE });
}

function requestRedirect(resolver: Resolver, verb: Verb, { link, to }: RedirectQdisc): number {
  const linkIndex = resolver.link(link);
  const filter = { linkIndex, priority: QDISC_NUMBER };
  const { writer } = resolver;
  if (verb === 'remove') return encodeFilterRemoval(writer, REMOVE, filter);
  const redirectIndex = resolver.link(to);
  // Where `ingress` is already, this is refused, and does as well.
  encodeClsact(writer, { type: RTM_NEWQDISC, flags: MAKE }, linkIndex);
  // A second filter of the priority would stand beside the first; mostly there is none.
  encodeFilterRemoval(writer, REMOVE, filter);
  return encodeRedirect(writer, MAKE, { ...filter, redirectIndex });
}
