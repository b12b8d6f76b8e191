// Whether CNI_NETNS is a namespace that a pod can be attached to: found out before anything is
// done, since an ADD into the node's own namespace would give the node a second default route.

import type { CniWork } from './context.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, failed } from './errors.ts';

export type PodNamespace = { readonly descriptor: number; readonly inode: number };

export type NamespaceCheck =
  | { readonly kind: 'usable'; readonly namespace: PodNamespace }
  | { readonly kind: 'refused'; readonly verdict: Verdict };

export function checkNamespace(
  { namespaces }: CniWork,
  request: { readonly netns: string; readonly allowsOwnNetns: boolean },
  descriptor: number | undefined,
): NamespaceCheck {
  const { netns } = request;
  if (descriptor === undefined) return refuse(`CNI_NETNS ${netns} cannot be opened`);
  const inode = namespaces.inodeOf(descriptor);
  if (inode === undefined) return refuse(`CNI_NETNS ${netns} is not a network namespace`);
  if (inode === namespaces.ownInode() && !request.allowsOwnNetns) {
    return refuse(`CNI_NETNS ${netns} is the namespace of the node itself`);
  }
  return { kind: 'usable', namespace: { descriptor, inode } };
}

const refuse = (details: string): NamespaceCheck => ({
  kind: 'refused',
  verdict: failed(CNI_CODES.invalidNetns, 'no usable network namespace', details),
});
