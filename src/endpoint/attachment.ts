// One CNI ADD that succeeded: a container's interface and what it holds on this node. It is what
// the store keeps on disk (src/cni/store.ts), what `desired` makes the host side of, and what a
// deleted host veth is made again from. Everything that the kernel shows for a pod follows from it.

import type { Cidr } from '../net/cidr.ts';
import { contains } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';

/** A burst of 0 is one of our choice. */
export type PodRate = { readonly bitsPerSecond: number; readonly burstBits: number };

/** `ingress` is what the pod receives, `egress` what it sends. */
export type Bandwidth = { readonly ingress?: PodRate; readonly egress?: PodRate };

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** A port of the node that leads to one of the pod. */
export type PortMapping = {
  readonly protocol: PortProtocol;
  readonly hostPort: number;
  readonly containerPort: number;
  /** The node's address; 0.0.0.0 or :: are all of that family, absent is all of both. */
  readonly hostIp?: Ip;
};

export type Attachment = {
  /** CNI network name: part of the attachment's identity. */
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  /** Path of the pod's network namespace, and its inode: a path may be used again. */
  readonly netns: string;
  readonly netnsInode: number;
  /** Where the kernel has one: an inode's number may be used again, this is not before a reboot. */
  readonly netnsCookie?: string;
  /** `poplin` and nine hex digits of a hash of the identity. */
  readonly hostLink: string;
  readonly hostMac: Mac;
  readonly podMac: Mac;
  /** At most one per family, IPv4 first. */
  readonly addresses: readonly Ip[];
  /** MTU of both ends of the veth pair: what the pod may receive. */
  readonly linkMtuBytes: number;
  /** `mtu` of the default routes in the pod: what the pod may send to other nodes. */
  readonly routeMtuBytes: number;
  /** The subnets that `addresses` are of. Absent for pods that came before these were noted. */
  readonly subnets?: readonly Cidr[];
  /** Absent when the pod may use all there is. */
  readonly bandwidth?: Bandwidth;
  /** Absent when there are none. */
  readonly portMappings?: readonly PortMapping[];
  /** Pod namespace and name where the runtime told them. */
  readonly pod?: { readonly namespace: string; readonly name: string };
  readonly createdAt: string;
};

/** Those that a route leads to beside the default one, from the pod that has this address. */
export const nearSubnets = ({ subnets = [] }: Pick<Attachment, 'subnets'>, pod: Ip): Cidr[] =>
  subnets.filter((subnet) => contains(subnet, pod));
