// Ops on links as rtnetlink requests. A link is made in one message, so that it is there with all
// that it needs or not at all; only its alias, which the kernel ignores then, follows
// (link-touches.ts). A change sends only what differs: setting even the same MAC again would flush
// the link's neighbours.

import { AppError } from '../lib/errors.ts';
import { ADD, CHANGE } from '../netlink/constants.ts';
import type { LinkFields } from '../netlink/link.ts';
import { encodeLink, RTM_NEWLINK } from '../netlink/link.ts';
import type { VethPeerFields, VxlanFields } from '../netlink/link-kind.ts';
import type { Link, VethLink, VxlanLink } from '../state/kernel-state.ts';
import type { Resolver } from './requests.ts';

/**
 * veth_newlink makes a queue per CPU and then uses one; shutting the others takes two RCU grace
 * periods, a millisecond and more on a busy machine. Asked for one, it has nothing to shut.
 */
const VETH_QUEUES = 1;

/** The kernel chooses the index when it is 0. */
export function requestLinkAdd(resolver: Resolver, link: Link, index = 0): number {
  const { writer } = resolver;
  const { name, up, mtuBytes, mac, group, kind } = link;
  const fields = { index, name, up, mtuBytes, mac, group, kind };
  const request = { type: RTM_NEWLINK, flags: ADD };
  switch (link.kind) {
    case 'vxlan': {
      const vxlan = vxlanFields(resolver, link);
      return encodeLink(writer, request, { ...fields, vxlan });
    }
    case 'veth': {
      const peer = peerFields(resolver, link);
      return encodeLink(writer, request, { ...fields, queueCount: VETH_QUEUES, peer });
    }
    case 'ifb':
      return encodeLink(writer, request, fields);
    case 'other':
      throw new AppError('NETLINK', `add link ${name}`, `links of '${link.driver}' are not made`);
  }
}

function vxlanFields(resolver: Resolver, link: VxlanLink): VxlanFields {
  const { vni, portNumber, local, learning, gbp, udpChecksum } = link;
  const fields = { vni, portNumber, local, learning, gbp, udpChecksum };
  if (link.underlay === '') return fields;
  return { ...fields, underlayIndex: resolver.link(link.underlay) };
}

function peerFields(resolver: Resolver, link: VethLink): VethPeerFields {
  const { peer } = link;
  if (peer === undefined) {
    throw new AppError('NETLINK', `add link ${link.name}`, 'a veth pair needs its other end');
  }
  const { name, mac, mtuBytes, netns } = peer;
  const netnsFd = resolver.session.registry.fdOf(netns);
  return { name, mac, mtuBytes, queueCount: VETH_QUEUES, netnsFd };
}

const COMMON_FIELDS = ['up', 'mtuBytes', 'mac', 'group', 'alias'] as const;
const VXLAN_FIELDS = ['vni', 'portNumber', 'local', 'learning', 'gbp', 'udpChecksum'] as const;

/**
 * Sequence numbers of the messages, none when there is nothing to change. What only VXLAN devices
 * have goes by itself: the kernel refuses a message that has it together with an MTU.
 */
export function requestLinkChange(resolver: Resolver, actual: Link, wanted: Link): number[] {
  const sequences: number[] = [];
  const fields: LinkFields = differing(COMMON_FIELDS, actual, wanted);
  const vxlan = vxlanDifferences(resolver, actual, wanted);
  const index = resolver.link(wanted.name);
  // RTM_NEWLINK without NLM_F_CREATE changes an existing link, its kind's own fields included; a
  // kind that does not fit is refused by the kernel (rtnl_changelink).
  const request = { type: RTM_NEWLINK, flags: CHANGE };
  const { writer } = resolver;
  if (Object.keys(vxlan).length > 0 || actual.kind !== wanted.kind) {
    sequences.push(encodeLink(writer, request, { index, kind: wanted.kind, vxlan }));
  }
  if (Object.keys(fields).length > 0) {
    sequences.push(encodeLink(writer, request, { index, ...fields }));
  }
  return sequences;
}

function vxlanDifferences(resolver: Resolver, actual: Link, wanted: Link): VxlanFields {
  if (actual.kind !== 'vxlan' || wanted.kind !== 'vxlan') return {};
  const fields = differing(VXLAN_FIELDS, actual, wanted);
  if (actual.underlay === wanted.underlay) return fields;
  const underlayIndex = wanted.underlay === '' ? 0 : resolver.link(wanted.underlay);
  return { ...fields, underlayIndex };
}

function differing<Key extends string, Fields extends Readonly<Record<Key, unknown>>>(
  keys: readonly Key[],
  actual: Fields,
  wanted: Fields,
): Partial<Pick<Fields, Key>> {
  const fields: Partial<Pick<Fields, Key>> = {};
  for (const key of keys) if (actual[key] !== wanted[key]) fields[key] = wanted[key];
  return fields;
}
