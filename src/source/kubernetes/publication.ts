// What a node says of itself, as annotations of its Node: the advert for Poplin's nodes, and beside
// it Flannel's annotations for Flannel's. Pure.

import { renderAdvert } from '../../cluster/advert.ts';
import type { Publication } from '../source.ts';
import { ADVERT_ANNOTATION } from './annotations.ts';
import type { AnnotationPatch } from './flannel-annotations.ts';
import { renderFlannel } from './flannel-annotations.ts';

export function annotationsFor(
  { advert, backend }: Publication,
  flannelPrefix?: string,
): AnnotationPatch {
  const flannel = {
    backendType: backend,
    publicIps: advert.underlay,
    vxlan: backend === 'vxlan' ? advert.receives.vxlan : [],
  };
  return { [ADVERT_ANNOTATION]: renderAdvert(advert), ...renderFlannel(flannel, flannelPrefix) };
}
