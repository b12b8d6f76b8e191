// Who holds which subnet, as far as this node may act on it: subnets outside of the network are
// left out, and of two nodes with overlapping subnets the older Node object keeps them. Everything
// that is left out is named in `problems`, in words for `status` and Events. Pure.

import type { ClusterNode } from '../cluster/node.ts';
import type { Config } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import {
  cidrAddress,
  cidrFamily,
  cidrLengthBits,
  cidrSize,
  contains,
  containsCidr,
} from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { ipToBigInt } from '../net/ip.ts';

export type SubnetHolding = {
  /** Usable subnets by node name. */
  readonly byNode: ReadonlyMap<string, readonly Cidr[]>;
  /** By name of the node that they concern. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
};

/** Younger than every Node: who has none of its own yields to whoever has. */
const YOUNGEST = '9999-12-31T23:59:59Z';

/** Subnets of this node, by a right that is sure or only remembered. */
export type OwnRight = {
  readonly name: string;
  readonly subnets: readonly Cidr[];
  /** The source does not confirm it any more: whoever else has them comes first. */
  readonly isInDoubt?: boolean;
};

/** The nodes, of which this one has what it holds by right, whatever the cluster says of it. */
export function withOwnRight(
  nodes: ReadonlyMap<string, ClusterNode>,
  { name, subnets, isInDoubt = false }: OwnRight,
): ReadonlyMap<string, ClusterNode> {
  const own = nodes.get(name) ?? { ...UNKNOWN_NODE, name };
  const createdAt = isInDoubt ? YOUNGEST : own.createdAt;
  return new Map(nodes).set(name, { ...own, createdAt, subnets });
}

const UNKNOWN_NODE = {
  uid: '',
  createdAt: YOUNGEST,
  internalIps: [],
  problems: [],
} as const satisfies Partial<ClusterNode>;

type Claim = { readonly node: ClusterNode; readonly subnet: Cidr };

export function holdSubnets(
  config: Config,
  nodes: ReadonlyMap<string, ClusterNode>,
): SubnetHolding {
  const problems = new Map<string, string[]>();
  const complain = (name: string, problem: string): void => {
    const list = problems.get(name);
    if (list === undefined) problems.set(name, [problem]);
    else list.push(problem);
  };
  const claims: Claim[] = [];
  for (const node of nodes.values()) {
    for (const problem of node.problems) complain(node.name, problem);
    for (const subnet of node.subnets) {
      const problem = unusable(config, subnet);
      if (problem === undefined) claims.push({ node, subnet });
      else if (problem !== '') complain(node.name, problem);
    }
  }
  const byNode = new Map<string, Cidr[]>();
  for (const { node, subnet } of withoutConflicts(claims, complain)) {
    const list = byNode.get(node.name);
    if (list === undefined) byNode.set(node.name, [subnet]);
    else list.push(subnet);
  }
  return { byNode, problems };
}

export const isWithin = (ip: Ip, subnets: readonly Cidr[]): boolean =>
  subnets.some((subnet) => contains(subnet, ip));

/** Why a subnet cannot be used; '' when its family is simply switched off. */
function unusable(config: Config, subnet: Cidr): string | undefined {
  const family = config.families.find((candidate) => candidate.family === cidrFamily(subnet));
  if (family === undefined) return '';
  return containsCidr(family.network, subnet)
    ? undefined
    : `subnet ${subnet} is not inside the network ${family.network}`;
}

function withoutConflicts(
  claims: readonly Claim[],
  complain: (name: string, problem: string) => void,
): readonly Claim[] {
  if (!mayOverlap(claims)) return claims;
  const kept: Claim[] = [];
  const sorted = [...claims].sort(byAddress);
  for (const claim of sorted) {
    const previous = kept.at(-1);
    if (previous === undefined || !touches(previous, claim)) {
      kept.push(claim);
    } else if (isOlder(claim.node, previous.node)) {
      complain(previous.node.name, conflictText(previous, claim));
      kept[kept.length - 1] = claim;
    } else {
      complain(claim.node.name, conflictText(claim, previous));
    }
  }
  // In the nodes' own order: peers are sent to by the first of their subnets.
  const isKept = new Set(kept);
  return claims.filter((claim) => isKept.has(claim));
}

/** With one prefix length per family, subnets overlap only when they are equal: a cheap test. */
function mayOverlap(claims: readonly Claim[]): boolean {
  const seen = new Set<Cidr>();
  const lengths = new Set<string>();
  for (const { subnet } of claims) {
    if (seen.has(subnet)) return true;
    seen.add(subnet);
    lengths.add(`${cidrFamily(subnet)} ${cidrLengthBits(subnet)}`);
  }
  return lengths.size > 2 || (lengths.size === 2 && new Set([...lengths].map(family)).size === 1);
}

const family = (familyAndLength: string): string => familyAndLength.split(' ')[0] ?? '';

function byAddress(a: Claim, b: Claim): number {
  const families = cidrFamily(a.subnet).localeCompare(cidrFamily(b.subnet));
  if (families !== 0) return families;
  const difference = ipToBigInt(cidrAddress(a.subnet)) - ipToBigInt(cidrAddress(b.subnet));
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return cidrLengthBits(a.subnet) - cidrLengthBits(b.subnet);
}

function touches(previous: Claim, next: Claim): boolean {
  if (cidrFamily(previous.subnet) !== cidrFamily(next.subnet)) return false;
  const end = ipToBigInt(cidrAddress(previous.subnet)) + cidrSize(previous.subnet);
  return ipToBigInt(cidrAddress(next.subnet)) < end;
}

const isOlder = (a: ClusterNode, b: ClusterNode): boolean =>
  a.createdAt === b.createdAt ? a.name < b.name : a.createdAt < b.createdAt;

const conflictText = (loser: Claim, keeper: Claim): string =>
  `subnet ${loser.subnet} overlaps ${keeper.subnet} of the older node ${keeper.node.name}: ` +
  `${loser.node.name} is left out until one of them has another subnet`;
