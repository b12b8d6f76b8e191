// What a node says to BIRD, before it is text: who it is, which sessions it has, what each may
// bring and take. `speakerOf` (speaker.ts) makes it, `renderBird` (render.ts) writes it down, and
// status finds in it whom a session of BIRD belongs to. Secrets are named, never held.

import type { NodeLabels } from '../cluster/node.ts';
import type { BgpRule, BgpSettings, Community, SecretKey } from '../config/bgp-settings.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';

/** An address of this node, on a link. */
export type LocalAddress = {
  readonly link: string;
  readonly address: Ip;
  readonly lengthBits: number;
};

export type PodNetwork = {
  readonly family: Family;
  readonly network: Cidr;
  readonly subnetLengthBits: number;
};

/** Another node that exists. */
export type SpeakerNode = {
  readonly name: string;
  readonly labels: NodeLabels;
  /** Those that are really its own (desired/subnets.ts). */
  readonly subnets: readonly Cidr[];
  /** One of each family in which plain packets reach it. */
  readonly addresses: readonly Ip[];
  /** Largest packets that get there, where that is less than this node's own link takes. */
  readonly smallMtuBytes?: Readonly<Partial<Record<Family, number>>>;
  /** No session with it: a BIRD that restarts waits for everybody that it has one with. */
  readonly isDead?: true;
};

export type SpeakerInput = {
  readonly settings: BgpSettings;
  /** The families that are served, one on its way out among them. */
  readonly networks: readonly PodNetwork[];
  readonly self: {
    readonly name: string;
    readonly labels: NodeLabels;
    /** That it may use; the first of each family is the one of its own address. */
    readonly subnets: readonly Cidr[];
  };
  /** Where nodes reach this one: one of each family at most, none where it is translated. */
  readonly underlays: readonly LocalAddress[];
  /** All addresses of the node, for peers on other networks than the underlay's. */
  readonly addresses: readonly LocalAddress[];
  readonly nodes: readonly SpeakerNode[];
};

/** What the other end is to this node. */
export type SessionRole = 'mesh' | 'reflector' | 'client' | 'peer';

export type Session = {
  /** BIRD's name of the protocol: at most 64 characters, unique, the same while the node lives. */
  readonly name: string;
  readonly family: Family;
  readonly role: SessionRole;
  /** The node's name, or the peer's. */
  readonly remoteName: string;
  readonly local: { readonly address: Ip; readonly as: number };
  readonly remote: { readonly address: Ip; readonly as: number; readonly portNumber: number };
  /** Waits to be connected to: of two nodes the one with the higher address. */
  readonly isPassive: boolean;
  /** Absent: on one network with the other end (eBGP), or anywhere (iBGP). */
  readonly multihop?: number;
  readonly gtsm: boolean;
  readonly bfd: 'off' | 'on' | 'graceful';
  readonly password?: SecretKey;
  readonly allowLocalAs: number;
  readonly importLimit: number;
  readonly imports: SessionImports;
  readonly exports: SessionExports;
};

export type SessionImports =
  /** Exactly these: what the node at the other end has. */
  | { readonly kind: 'subnets'; readonly subnets: readonly Cidr[] }
  /** Whatever can be a subnet of a node. */
  | { readonly kind: 'reflected' }
  | { readonly kind: 'peer'; readonly rules: readonly BgpRule[]; readonly acceptPods: boolean };

export type SessionExports =
  | { readonly kind: 'node' }
  | {
      readonly kind: 'peer';
      readonly rules: readonly BgpRule[];
      readonly announcePods: boolean;
      readonly announceServices: boolean;
      readonly communities: readonly Community[];
    };

/** A set of prefixes in a few words: those in `network` of these lengths. */
export type PrefixRange = {
  readonly network: Cidr;
  readonly lengthMinBits: number;
  readonly lengthMaxBits: number;
};

export type SpeakerFamily = {
  readonly family: Family;
  readonly network: Cidr;
  readonly ownSubnets: readonly Cidr[];
  /** What can be a subnet of a node. */
  readonly subnetRanges: readonly PrefixRange[];
  readonly serviceRanges: readonly Cidr[];
  /** Subnets of nodes that take less than this node's own link, from the least on. */
  readonly smallMtus: readonly {
    readonly mtuBytes: number;
    readonly subnets: readonly Cidr[];
  }[];
  /** The node's own addresses, which nobody may announce to it. */
  readonly ownAddresses: readonly Ip[];
};

export type Speaker = {
  readonly as: number;
  readonly routerId: Ip;
  readonly portNumber: number;
  /** It passes on what it learned, to nodes. */
  readonly isReflector: boolean;
  readonly clusterId?: Ip;
  /** In the order IPv4, IPv6. */
  readonly families: readonly SpeakerFamily[];
  /** Links whose networks next hops lie in. */
  readonly links: readonly string[];
  readonly sessions: readonly Session[];
  readonly gracefulRestart: BgpSettings['gracefulRestart'];
  readonly bfd: BgpSettings['bfd'];
  readonly ecmpPaths: number;
  /** What was configured and cannot be done on this node, in words. */
  readonly problems: readonly string[];
};
