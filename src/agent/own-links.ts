// The links of a kernel's state that are this node's own. Pure.

import type { KernelState, VxlanLink } from '../state/kernel-state.ts';
import { ownsLink } from '../state/own.ts';

export const isOwnVxlan = (link: {
  readonly kind: string;
  readonly name: string;
}): link is VxlanLink => link.kind === 'vxlan' && ownsLink(link.name);

export const ownLinkNames = (state: KernelState): string[] =>
  [...state.links.keys()].filter(ownsLink);

export const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index]);
