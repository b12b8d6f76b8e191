// The link-local gateway that every pod sends to and every host veth answers for. It is the same in
// all pods of all nodes: the pod's only neighbour is the host veth, known by a permanent entry, so
// that no ARP or neighbour discovery happens between a pod and its node.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { AddressScope } from '../state/kernel-state.ts';

export type Gateway = {
  readonly address: Ip;
  /** Length on the host veth. */
  readonly lengthBits: number;
  readonly scope: AddressScope;
  /** Default route of the family. */
  readonly anywhere: '0.0.0.0/0' | '::/0';
};

export const GATEWAYS: Readonly<Record<Family, Gateway>> = {
  ipv4: {
    address: '169.254.1.1' as Ip,
    lengthBits: 32,
    scope: 'link',
    anywhere: '0.0.0.0/0',
  },
  ipv6: {
    address: 'fe80::1' as Ip,
    lengthBits: 64,
    scope: 'link',
    anywhere: '::/0',
  },
};
