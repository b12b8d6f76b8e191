// What a node says of itself, as annotations of its Node: the advert for Poplin's nodes, and beside
// it Flannel's annotations for Flannel's. Pure.
//
// Where a user has given the node another public address (it is behind a NAT), that one is in the
// advert already, and Flannel's nodes are told it as well.

import { mainReceivers, renderAdvert } from '../../cluster/advert.ts';
import type { Family } from '../../net/family.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf } from '../../net/ip.ts';
import type { Publication } from '../source.ts';
import { ADVERT_ANNOTATION } from './annotations.ts';
import type { AnnotationPatch } from './flannel-annotations.ts';
import { renderFlannel } from './flannel-annotations.ts';

export function annotationsFor(
  { advert, backend }: Publication,
  flannelPrefix?: string,
): AnnotationPatch {
  const { receives, underlay } = advert;
  // Flannel's nodes write nothing for a family that is not in use, though the node has an address.
  const isUsed = (family: Family): boolean => receives[backend].some((by) => by.family === family);
  const flannel = {
    backendType: backend,
    publicIps: FAMILIES.filter(isUsed).flatMap((family) => {
      const isOfFamily = (ip: Ip): boolean => familyOf(ip) === family;
      return underlay.find(isOfFamily) ?? [];
    }),
    vxlan: backend === 'vxlan' ? mainReceivers(receives.vxlan) : [],
  };
  return { [ADVERT_ANNOTATION]: renderAdvert(advert), ...renderFlannel(flannel, flannelPrefix) };
}
