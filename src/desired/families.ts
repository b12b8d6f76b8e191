// Which address families a node has subnets of, serves, and gives to new pods. They come from the
// configuration, but one at a time: a family that is new is served once the node has a subnet of
// it, and one that was dropped is served until the last pod that has an address of it ends, on
// whatever node. Each node says in its advert which families its own pods have or get; while any
// node names a family, all keep it. Pure; the reasons are words for `status` and Events.

import type { Remembered, Synced } from '../cluster/cluster.ts';
import { BEING_CLAIMED } from '../cluster/holding.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Config, FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, contains } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES, FAMILY_LABEL } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';

export type FamilyState = {
  readonly family: Family;
  readonly network: Cidr;
  /** `kept`: new pods do not get it. `absent`: it is asked for, and not there. */
  readonly state: 'served' | 'kept' | 'absent';
  /** Why it is kept or absent; '' of one that is served. */
  readonly reason: string;
};

export type FamilyPlan = {
  /** The configuration by which subnets are asked for. */
  readonly wished: Config;
  /** The one by which the kernel is programmed. */
  readonly served: Config;
  /** Those that the node's own pods have, or that new ones get: for the advert. */
  readonly needed: readonly Family[];
  readonly states: readonly FamilyState[];
};

/** A dropped family, and who uses it. */
export type RetiredFamily = {
  readonly config: FamilyConfig;
  readonly isOwn: boolean;
  /** '': nobody, and it may go. */
  readonly reason: string;
};

export type FamilyQuestion = {
  readonly config: Config;
  readonly retired: readonly RetiredFamily[];
  /** Subnets that the node may use now. */
  readonly held: readonly Cidr[];
  /** Why it has none of a family that was wished for; '' when nothing speaks against it. */
  readonly lacks: string;
  /** Families of which the node has an address for its peers. */
  readonly reachable: readonly Family[];
};

/** Nodes that are named in a reason; of more only the number is. */
const NAMED_MAX = 5;

export type FamilyUsers = {
  /** Of all pods of this node, those that come and go among them. */
  readonly podAddresses: readonly Ip[];
  readonly cluster: Synced | Remembered | undefined;
  readonly self: string;
};

export function retiredFamily(
  config: FamilyConfig,
  { podAddresses, cluster, self }: FamilyUsers,
): RetiredFamily {
  const { family, network } = config;
  const label = FAMILY_LABEL[family];
  const isOfNetwork = (ip: Ip): boolean => familyOf(ip) === family && contains(network, ip);
  const pods = podAddresses.filter(isOfNetwork).length;
  const peers = [...(cluster?.nodes.values() ?? [])].filter(
    (node) => node.name !== self && uses(node, family),
  );
  const reasons = [
    ...(pods === 0 ? [] : [`${pods} of this node's pods have ${label} addresses`]),
    ...(peers.length === 0 ? [] : [`${named(peers)} still has pods of ${label} or gives it them`]),
    ...(cluster?.kind === 'synced' ? [] : ['not all nodes have been asked who uses it']),
  ];
  return { config, isOwn: pods > 0, reason: reasons.join('; ') };
}

/** A node of Flannel uses what it has announced. */
const uses = (node: ClusterNode, family: Family): boolean =>
  node.advert?.families.includes(family) ??
  reachOf(node)?.underlay.some((ip) => familyOf(ip) === family) === true;

function named(nodes: readonly ClusterNode[]): string {
  const names = nodes.slice(0, NAMED_MAX).map(({ name }) => name);
  const rest = nodes.length - names.length;
  return `${names.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
}

export function planFamilies(question: FamilyQuestion): FamilyPlan {
  const { config, retired, held } = question;
  const isHeld = (family: Family): boolean => held.some((each) => cidrFamily(each) === family);
  const kept = retired.filter(({ reason }) => reason !== '').map((each) => each.config);
  const wanted = config.families.filter(({ family }) => isWished(family, question));
  // One that was dropped before the node had a subnet of it is not claimed any more.
  const before = retired
    .map((each) => each.config)
    .filter(({ family }) => held.length === 0 || isHeld(family));
  const candidates = inOrder([...config.families, ...kept]);
  const served = candidates.filter(({ family }) => isHeld(family));
  const own = retired.filter(({ isOwn }) => isOwn).map((each) => each.config);
  // Without any subnet there is nothing to lose, and everything to prepare.
  const isBare = served.length === 0;
  const given = isBare ? config.families : served.filter((each) => config.families.includes(each));
  return {
    wished: withFamilies(config, inOrder([...wanted, ...before])),
    served: withFamilies(config, isBare ? config.families : served),
    needed: inOrder([...given, ...own]).map(({ family }) => family),
    states: inOrder([...config.families, ...kept.filter((each) => before.includes(each))]).map(
      (each) => stateOf(each, question),
    ),
  };
}

/** A family without an address for peers would give pods addresses that nobody reaches. */
function isWished(family: Family, { held, reachable }: FamilyQuestion): boolean {
  const isHeld = held.some((each) => cidrFamily(each) === family);
  return held.length === 0 || isHeld || reachable.includes(family);
}

function stateOf(each: FamilyConfig, question: FamilyQuestion): FamilyState {
  const { family, network } = each;
  const { config, retired, held, lacks } = question;
  const label = FAMILY_LABEL[family];
  if (!config.families.includes(each)) {
    const user = retired.find((one) => one.config.family === family);
    const reason = `${enableKey(family)} is false, but ${user?.reason}`;
    return { family, network, state: 'kept', reason };
  }
  if (held.some((subnet) => cidrFamily(subnet) === family)) {
    return { family, network, state: 'served', reason: '' };
  }
  const why = isWished(family, question)
    ? lacks || BEING_CLAIMED
    : `this node has no ${label} address for its peers: give it an ${label} InternalIP, or an ` +
      `${label} address on the link of the other family`;
  return { family, network, state: 'absent', reason: why };
}

/** What is asked for and not there, in words, unless it is on its way. */
export const familyProblems = (states: readonly FamilyState[]): readonly string[] =>
  states
    .filter(({ state, reason }) => state === 'absent' && reason !== BEING_CLAIMED)
    .map(({ family, reason }) => {
      const label = FAMILY_LABEL[family];
      return `${enableKey(family)} is true, but pods of this node get no ${label}: ${reason}`;
    });

const enableKey = (family: Family): string => `Enable${FAMILY_LABEL[family]}`;

const inOrder = (families: readonly FamilyConfig[]): readonly FamilyConfig[] =>
  FAMILIES.flatMap((family) => families.filter((each) => each.family === family));

/** At least those of the configuration: nothing works by none. */
const withFamilies = (config: Config, families: readonly FamilyConfig[]): Config => ({
  ...config,
  families: families.length === 0 ? config.families : families,
});
