// What a seed decides before anything happens: how large the cluster is, how its underlay looks,
// what gives subnets, and how scarce they are.

import type { PodCidrRange } from '../../src/lab/api/pod-cidr-allocator.ts';
import { type Cidr, parseCidr } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import type { Random } from './random.ts';

export type SubnetSourceName = 'podCIDR' | 'lease' | 'auto';

export type SimPlan = {
  readonly nodeCount: number;
  /** Of which machines have addresses, and between which the configuration chooses. */
  readonly families: readonly Family[];
  /** Those that are configured first. */
  readonly firstFamilies: readonly Family[];
  readonly segmentCount: number;
  readonly subnetSource: SubnetSourceName;
  /** Whether a controller-manager gives out podCIDRs. */
  readonly allocatesPodCidrs: boolean;
  readonly networks: Readonly<Record<Family, Cidr>>;
  readonly subnetLengthBits: Readonly<Record<Family, number>>;
  /** How many nodes can have a subnet at once. */
  readonly capacity: number;
  readonly podsPerNode: number;
  /** Pods come and go in crowds, and a subnet holds five of them: nodes need several. */
  readonly isCrowded: boolean;
  /** Every machine has a BIRD, and operators use backend bgp. */
  readonly hasBirds: boolean;
  /** The routers between segments have sessions with all of them as well. */
  readonly routersSpeak: boolean;
  /** Whether every path is looked at: among hundreds of nodes these are too many. */
  readonly looksAtPaths: boolean;
  /** How long things go wrong. */
  readonly faultsMs: number;
  /** Mean time from one thing that goes wrong to the next. */
  readonly faultEveryMs: number;
};

export type PlanOverrides = Partial<
  Pick<SimPlan, 'nodeCount' | 'subnetSource' | 'faultsMs' | 'families' | 'isCrowded' | 'hasBirds'>
>;

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};

export function planSim(random: Random, overrides: PlanOverrides): SimPlan {
  const bits = random.pick([3, 4] as const) ?? 4;
  const nodeCount = random.int(5, 10);
  const subnetSource = random.pick(SOURCES) ?? 'podCIDR';
  const isDual = random.chance(0.25);
  const plan = {
    nodeCount,
    families: isDual ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const),
    segmentCount: random.chance(0.7) ? 1 : 2,
    subnetSource,
    networks: {
      ipv4: cidr(`10.244.0.0/${28 - bits}`),
      ipv6: cidr(`fd00:10:244::/${64 - bits}`),
    },
    subnetLengthBits: { ipv4: 28, ipv6: 64 },
    podsPerNode: random.int(1, 2),
    isCrowded: false,
    hasBirds: false,
    routersSpeak: nodeCount % 2 === 0,
    looksAtPaths: true,
    faultsMs: random.int(40, 120) * 1000,
    faultEveryMs: random.int(800, 4000),
    ...overrides,
  };
  const allocatesPodCidrs =
    plan.subnetSource === 'podCIDR' || (plan.subnetSource === 'auto' && random.chance(0.5));
  if (plan.isCrowded) {
    return { ...plan, ...CROWD, allocatesPodCidrs, firstFamilies: plan.families };
  }
  const subnetCount = 2 ** bits;
  const { families } = plan;
  const isWhole = families.length < 2 || random.chance(0.5);
  return {
    ...plan,
    firstFamilies: isWhole ? families : families.slice(...(random.chance(0.5) ? [0, 1] : [1])),
    allocatesPodCidrs,
    // The first subnet of the network is not leased.
    capacity: allocatesPodCidrs ? subnetCount : subnetCount - 1,
  };
}

/** Nodes that claim as many subnets as their pods need. */
export const CROWDED = { isCrowded: true, subnetSource: 'lease' } as const;

/** Backend bgp comes and goes. */
export const WITH_BIRDS = { hasBirds: true } as const;

/** Of 32 subnets, so that each of ten nodes can have three. */
const CROWD = {
  networks: { ipv4: cidr('10.244.0.0/24'), ipv6: cidr('fd00:10:244::/59') },
  subnetLengthBits: { ipv4: 29, ipv6: 64 },
  capacity: 10,
  podsPerNode: 7,
} as const satisfies Partial<SimPlan>;

/** Subnets that a node may have, and how many pods it has for so long each. */
const CROWD_SUBNETS_MAX = 3;
const CROWD_SIZES = [7, 11, 1, 8, 0] as const;
const CROWD_MS = 13_000;

/** How many pods each node should have now; in the end those of the plan. */
export function podsWanted({ isCrowded, podsPerNode, faultsMs }: SimPlan, nowMs: number): number {
  if (!isCrowded || nowMs >= faultsMs) return podsPerNode;
  return CROWD_SIZES[Math.floor(nowMs / CROWD_MS) % CROWD_SIZES.length] ?? podsPerNode;
}

/** Leases most often: they are what nodes do among themselves. */
const SOURCES: readonly SubnetSourceName[] = ['podCIDR', 'lease', 'lease', 'auto'];

export const podCidrRanges = (plan: SimPlan): readonly PodCidrRange[] =>
  plan.allocatesPodCidrs
    ? plan.families.map((family) => ({
        cluster: plan.networks[family],
        subnetLengthBits: plan.subnetLengthBits[family],
      }))
    : [];

export type BackendChoice = Readonly<Record<string, unknown>> & { readonly Type: string };

/** What the operator asks for. */
export type Choices = {
  readonly backend: BackendChoice;
  readonly masquerades: boolean;
  readonly families: readonly Family[];
};

/** The text of net-conf.json. */
export function configText(plan: SimPlan, { backend, masquerades, families }: Choices): string {
  const { networks, subnetLengthBits, subnetSource, isCrowded } = plan;
  const v4 = { Network: networks.ipv4, SubnetLen: subnetLengthBits.ipv4 };
  const v6 = { IPv6Network: networks.ipv6, IPv6SubnetLen: subnetLengthBits.ipv6 };
  return JSON.stringify({
    ...(families.includes('ipv4') ? v4 : { EnableIPv4: false }),
    ...(families.includes('ipv6') ? { EnableIPv6: true, ...v6 } : {}),
    SubnetSource: subnetSource,
    ...(isCrowded ? { MaxSubnetsPerNode: CROWD_SUBNETS_MAX } : {}),
    Masquerade: masquerades,
    Backend: backend,
  });
}
