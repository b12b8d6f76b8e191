// What a node says of itself, as annotations of its Node: the advert for Poplin's nodes, and beside
// it Flannel's annotations for Flannel's. Pure.
//
// Where a user has given the node another public address by Flannel's annotation (it is behind a
// NAT), Flannel's nodes are told that one, as its own agent would tell them.

import { mainReceivers, renderAdvert } from '../../cluster/advert.ts';
import type { Family } from '../../net/family.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf } from '../../net/ip.ts';
import type { Publication } from '../source.ts';
import { ADVERT_ANNOTATION } from './annotations.ts';
import type { AnnotationPatch, Annotations } from './flannel-annotations.ts';
import { overwrittenIps, renderFlannel } from './flannel-annotations.ts';

export type PublicationContext = {
  readonly prefix?: string | undefined;
  /** What the Node has now. */
  readonly seen?: Annotations;
};

export function annotationsFor(
  { advert, backend }: Publication,
  { prefix, seen = {} }: PublicationContext,
): AnnotationPatch {
  const { receives, underlay } = advert;
  const overwrites = overwrittenIps(seen, prefix);
  // Flannel's nodes write nothing for a family that is not in use, though the node has an address.
  const isUsed = (family: Family): boolean => receives[backend].some((by) => by.family === family);
  const flannel = {
    backendType: backend,
    publicIps: FAMILIES.filter(isUsed).flatMap((family) => {
      const isOfFamily = (ip: Ip): boolean => familyOf(ip) === family;
      return overwrites.find(isOfFamily) ?? underlay.find(isOfFamily) ?? [];
    }),
    vxlan: backend === 'vxlan' ? mainReceivers(receives.vxlan) : [],
  };
  return { [ADVERT_ANNOTATION]: renderAdvert(advert), ...renderFlannel(flannel, prefix) };
}
