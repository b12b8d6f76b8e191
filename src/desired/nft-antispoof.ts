// A pod sends with its own addresses or not at all. A packet's way: it comes from a pod's host veth
// (all of them are in one link group), meets these rules in `prerouting` before conntrack and
// routing, and is dropped unless the route back to its source leads out of the very veth that it
// came from (`fib saddr . iif oif`). Each pod has exactly one host route per address, so the rules
// never change, whatever pods come and go. They apply before a pod's route is there, too: then it
// can send nothing.

import { POD_LINK_GROUP } from '../state/own.ts';

/**
 * Each packet of a pod passes these, so IPv6's exceptions are in a chain of their own, and the
 * first byte of an IPv4 destination is loaded without asking again that it is one.
 */
const rules: readonly string[] = [
  'meta nfproto ipv6 goto pods_antispoof6',
  // 127.0.0.0/8. Where a port of the node leads to the pod, its veth takes packets to these
  // addresses (route_localnet, src/endpoint/host-side.ts): answers to the node's own, and none of
  // a pod's.
  '@nh,128,8 127 counter drop',
  'fib saddr . iif oif missing counter drop',
];

/**
 * What IPv6 itself needs, and no more of it: link-local sources stay on the link (neighbour
 * discovery, MLD; RFC 4861, RFC 3810), and the unspecified address only asks whether an address is
 * taken (RFC 4862 §5.4) or joins the group for that. For link-local sources `fib` would say yes to
 * any destination, among them the node's own addresses; for the unspecified one only newer kernels
 * say yes (net/ipv6/netfilter/nft_fib_ipv6.c).
 */
const rules6: readonly string[] = [
  'ip6 saddr fe80::/10 ip6 daddr { fe80::/10, ff02::/16 } return',
  'ip6 saddr fe80::/10 counter drop',
  'ip6 saddr :: ip6 daddr ff02::/16 meta l4proto ipv6-icmp return',
  'fib saddr . iif oif missing counter drop',
];

/** In the order in which they can name each other. */
export const spoofChains = [
  { name: 'pods_antispoof6', hook: '', rules: rules6 },
  { name: 'pods_antispoof', hook: '', rules },
] as const;

export const spoofRules: readonly string[] = [`iifgroup ${POD_LINK_GROUP} goto pods_antispoof`];
