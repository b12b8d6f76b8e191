// Flannel's nodes leave out every node that names another backend than their own. So while there
// are such nodes, this one names theirs, whatever it is configured to send by itself. Pure.

import type { FlannelPath } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { isFlannelNode } from '../cluster/reach.ts';
import type { BackendType } from '../config/config.ts';

const BACKENDS: readonly FlannelPath[] = ['vxlan', 'host-gw'];

export function flannelBackend(
  configured: BackendType,
  nodes: ReadonlyMap<string, ClusterNode>,
): FlannelPath {
  const named = new Set<string>();
  for (const node of nodes.values()) {
    if (isFlannelNode(node)) named.add(node.flannel?.backendType.toLowerCase() ?? '');
  }
  // Flannel knows neither `auto` nor `bgp`.
  const own = configured === 'host-gw' ? configured : 'vxlan';
  if (named.has(own)) return own;
  return BACKENDS.find((backend) => named.has(backend)) ?? own;
}
