// A node as its peers know it: only what programming the network needs, so that five thousand of
// them fit in a few megabytes. Built from a Kubernetes Node (source/kubernetes) or from etcd keys.
// Bad data of one node is recorded in its `problems` and harms no other node.

import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { Advert } from './advert.ts';

/** What Flannel's annotations say of a node (docs of `flannel.alpha.coreos.com/…`). */
export type FlannelNode = {
  readonly backendType: string;
  readonly publicIps: readonly Ip[];
  /** By family of the underlay; absent where the backend has no such data. */
  readonly vxlan: readonly { readonly publicIp: Ip; readonly vni: number; readonly mac: Mac }[];
};

/** What a user says by Flannel's annotations of the addresses of a node, one per family at most. */
export type AddressWords = {
  /** `node-public-ip`: an address of this machine that is to be used, or to be told to peers. */
  readonly publicIps: readonly Ip[];
  /** `public-ip-overwrite`: what is told to peers in any case. */
  readonly overwrites: readonly Ip[];
};

/** Those that nodes have in common: the label of the hostname is left out. */
export type NodeLabels = Readonly<Record<string, string>>;

export type ClusterNode = {
  readonly name: string;
  /** Identity of the Node object, not of its name: a re-created Node has another. */
  readonly uid: string;
  /** When the Node object was made; the older of two nodes with one subnet keeps it. */
  readonly createdAt: string;
  /** Subnets the node holds by its lease; at most one per family from podCIDR. */
  readonly subnets: readonly Cidr[];
  /** Addresses of the Node object: InternalIP first. */
  readonly internalIps: readonly Ip[];
  readonly advert?: Advert;
  readonly flannel?: FlannelNode;
  readonly addressWords?: AddressWords;
  /** By which a configuration may choose nodes; absent when there are none, as in etcd. */
  readonly labels?: NodeLabels;
  /** What is wrong with the node's own data, in words that name the annotation or field. */
  readonly problems: readonly string[];
};
