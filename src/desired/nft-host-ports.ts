// Which packets go to a pod because they are sent to a port of the node. A packet's way: sent to an
// address of this node, it comes to `prerouting`, or to `output` when the node itself sends it; its
// protocol and port (and address, for mappings of one address) are looked up in maps, so that ten
// thousand mappings cost no more than ten; what is found becomes the destination. Only the first
// packet of a connection is looked at.
//
// The client's address stays as it is, but where the answer would never come back by the node: from
// a pod to itself, and from 127.0.0.0/8. ::1 is left out, since the kernel takes no packet to it
// from a link (net/ipv6/ip6_input.c), and has nothing like IPv4's route_localnet.

import { HOST_PORT_SETS } from '../endpoint/host-ports.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES, NFT_NAME } from '../net/family.ts';
import { POD_LINK_GROUP } from '../state/own.ts';
import { MASQUERADE } from './nft-masquerade.ts';

type NamedSet = { readonly kind: 'set' | 'map'; readonly name: string; readonly type: string };

const SET_TYPE = { ipv4: 'ipv4_addr', ipv6: 'ipv6_addr' } as const satisfies Record<Family, string>;

export const hostPortSetTypes: readonly NamedSet[] = FAMILIES.flatMap((family) => {
  const { anyAddress, oneAddress, hairpins } = HOST_PORT_SETS[family];
  const address = SET_TYPE[family];
  const [port, target] = ['inet_proto . inet_service', `${address} . inet_service`];
  return [
    { kind: 'map' as const, name: anyAddress, type: `${port} : ${target}` },
    { kind: 'map' as const, name: oneAddress, type: `${address} . ${port} : ${target}` },
    { kind: 'set' as const, name: hairpins, type: `${address} . ${address}` },
  ];
});

const CHAIN = 'hostports';
const PORT = 'meta l4proto . th dport';
const TO_THE_NODE = `fib daddr type local jump ${CHAIN}`;

/** One address before all: no port is held by both, so that the order means nothing. */
const destinations = (family: Family): readonly string[] => {
  const ip = NFT_NAME[family];
  const { anyAddress, oneAddress } = HOST_PORT_SETS[family];
  return [
    `meta nfproto ${family} dnat ${ip} to ${ip} daddr . ${PORT} map @${oneAddress}`,
    `meta nfproto ${family} dnat ${ip} to ${PORT} map @${anyAddress}`,
  ];
};

export const hostPortChains = [
  {
    name: CHAIN,
    hook: '',
    rules: ['ip6 daddr ::1 return', ...FAMILIES.flatMap(destinations)],
  },
  {
    name: 'hostports_prerouting',
    hook: 'type nat hook prerouting priority dstnat; policy accept;',
    rules: [TO_THE_NODE],
  },
  {
    name: 'hostports_output',
    // The number of `dstnat`, a name that nft does not take here.
    hook: 'type nat hook output priority -100; policy accept;',
    rules: [TO_THE_NODE],
  },
  {
    name: 'hostports_postrouting',
    hook: 'type nat hook postrouting priority srcnat; policy accept;',
    rules: [
      ...FAMILIES.map((family) => {
        const ip = NFT_NAME[family];
        return `${ip} saddr . ${ip} daddr @${HOST_PORT_SETS[family].hairpins} ${MASQUERADE}`;
      }),
      `oifgroup ${POD_LINK_GROUP} ip saddr 127.0.0.0/8 ${MASQUERADE}`,
    ],
  },
] as const;
