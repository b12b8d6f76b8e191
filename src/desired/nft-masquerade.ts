// Which packets get the node's address as their source. A packet's way: routed, it comes to
// `postrouting`; only the first packet of a connection does, conntrack treats the others alike.
// Pods and nodes see each other's own addresses; the world outside of the network sees the node.
//
// The order is the meaning. What kube-proxy has marked is its own to translate. Pod to pod is never
// touched, and neither is what comes to a pod of this node, which so sees who the client is. What
// comes from outside to a pod of another node must come back the same way: the pod's node would
// answer the client directly, which never asked it. (Flannel has this last rule too, but in its
// nftables mode an earlier one hides it.)

import type { FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { NFT_NAME } from '../net/family.ts';
import { matchText, ofFamily } from './nft-prefixes.ts';
import type { NftInput } from './nft-table.ts';

/** kube-proxy's default --iptables-masquerade-bit, 14. Other bits of the mark are others'. */
const KUBE_PROXY_MARK = '0x4000';

const MULTICAST = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const satisfies Record<
  Family,
  string
>;

/** Random source ports: two pods that pick the same one at once would lose a packet otherwise. */
export const MASQUERADE = 'masquerade fully-random';

export function masqueradeRules(
  { config, ownSubnets }: NftInput,
  nodeSets: Readonly<Record<Family, string>>,
): readonly string[] {
  if (!config.masquerade) return [];
  return [
    `meta mark & ${KUBE_PROXY_MARK} == ${KUBE_PROXY_MARK} return`,
    ...config.families.flatMap((family) => [
      ...towardsPods(family, ofFamily(ownSubnets, family.family)),
      ...towardsOutside(family, {
        nodeSet: nodeSets[family.family],
        excluded: ofFamily(config.masqueradeExclude, family.family),
      }),
    ]),
  ];
}

function towardsPods(
  { family, network }: FamilyConfig,
  ownSubnets: readonly Cidr[],
): readonly string[] {
  const ip = NFT_NAME[family];
  return [
    `${ip} saddr ${network} ${ip} daddr ${network} return`,
    ...(ownSubnets.length === 0 ? [] : [`${ip} daddr ${matchText(ownSubnets)} return`]),
    `${ip} daddr ${network} fib saddr type local return`,
    `${ip} daddr ${network} ${MASQUERADE}`,
  ];
}

function towardsOutside(
  { family, network }: FamilyConfig,
  { nodeSet, excluded }: { readonly nodeSet: string; readonly excluded: readonly Cidr[] },
): readonly string[] {
  const ip = NFT_NAME[family];
  const from = `${ip} saddr ${network}`;
  return [
    `${from} ${ip} daddr @${nodeSet} return`,
    `${from} ${ip} daddr ${MULTICAST[family]} return`,
    ...(excluded.length === 0 ? [] : [`${from} ${ip} daddr ${matchText(excluded)} return`]),
    `${from} ${MASQUERADE}`,
  ];
}
