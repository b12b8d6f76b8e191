// The key `BGP` of net-conf.json after validation: what a node needs to know to speak BGP, with
// every default filled in. Which sessions one node has follows from it in src/bgp. Passwords are
// never here, only the names of the Secrets' keys that hold them.

import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';

declare const communityBrand: unique symbol;
/** Canonical text: two numbers (`64512:100`, RFC 1997) or three (`64512:1:2`, RFC 8092). */
export type Community = string & { readonly [communityBrand]: true };

/** A key of a Secret in Poplin's own namespace. */
export type SecretKey = { readonly secret: string; readonly key: string };

export type LabelTerm = {
  readonly key: string;
  readonly operator: 'exists' | 'absent' | 'equals' | 'differs';
  /** '' where the operator takes none. */
  readonly value: string;
};

/** Which nodes something is for. A node must satisfy all terms of a label selector. */
export type NodeSelector =
  | { readonly kind: 'all' }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'labels'; readonly terms: readonly LabelTerm[] };

/** The first rule that matches a route decides about it. */
export type BgpRule = {
  readonly action: 'accept' | 'reject';
  /** Absent: every route. Lengths are those of routes inside the prefix, both included. */
  readonly match?: {
    readonly prefix: Cidr;
    readonly lengthMinBits: number;
    readonly lengthMaxBits: number;
  };
  /** One of them is enough; empty: no matter which. */
  readonly communities: readonly Community[];
  /** Of what is accepted on import; the highest wins. */
  readonly localPreference?: number;
};

/** A router that is no node of the cluster. */
export type BgpPeer = {
  /** For people: `Name`, or the address where there is none. */
  readonly name: string;
  readonly nodes: NodeSelector;
  readonly address: Ip;
  readonly as: number;
  readonly portNumber: number;
  readonly password?: SecretKey;
  /** How many routers may be between, and one; absent: the peer is on a network of the node. */
  readonly multihop?: number;
  readonly gtsm: boolean;
  readonly bfd: boolean;
  readonly sourceAddress?: Ip;
  /** How often the own AS may be in the path of a route. */
  readonly allowLocalAs: number;
  readonly acceptPods: boolean;
  readonly announcePods: boolean;
  readonly announceServices: boolean;
  readonly importRules: readonly BgpRule[];
  readonly exportRules: readonly BgpRule[];
  /** To attach, beside those for all peers. */
  readonly communities: readonly Community[];
  readonly importLimit: number;
};

export type BgpSettings = {
  /** Of nodes that no entry of `nodeAs` is for. */
  readonly as: number;
  /** The first entry that is for a node counts. */
  readonly nodeAs: readonly { readonly nodes: NodeSelector; readonly as: number }[];
  /** Where nodes listen, and so where they connect to each other. */
  readonly portNumber: number;
  readonly fullMesh: boolean;
  /** `clusterId` absent: each reflector's own router id. */
  readonly reflectors?: { readonly nodes: NodeSelector; readonly clusterId?: Ip };
  /** Of the sessions between nodes. */
  readonly nodePassword?: SecretKey;
  readonly peers: readonly BgpPeer[];
  /** To attach to what is announced to peers. */
  readonly communities: readonly Community[];
  /** ClusterIPs, external and load-balancer addresses: announced to peers alike. */
  readonly serviceRanges: readonly Cidr[];
  readonly gracefulRestart: { readonly waitSeconds: number; readonly restartSeconds: number };
  /** Of sessions with peers; those between nodes have slower ones. */
  readonly bfd: { readonly intervalMs: number; readonly multiplier: number };
  /** How many next hops a route may have; 1: no ECMP. */
  readonly ecmpPaths: number;
};
