// The whole kernel state that this node should have, computed from the configuration, the cluster
// and what only this node knows. Pure: the same input gives the same output, and nothing of an
// earlier computation is needed. Who is reached by what is decided in paths.ts, what a pod needs in
// src/endpoint, the filters in nft-*.ts; here they are put together.

import type { LocalNode, PeerTarget, ReceivePlan } from '../backend/backend.ts';
import { advertisedAddress } from '../backend/backend.ts';
import { bgp } from '../backend/bgp.ts';
import { hostGw } from '../backend/host-gw.ts';
import { vxlan } from '../backend/vxlan.ts';
import type { Advert, FlannelPath, VxlanReceiver } from '../cluster/advert.ts';
import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Config } from '../config/config.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import { hostPortSets } from '../endpoint/host-ports.ts';
import { hostSide } from '../endpoint/host-side.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrAddress, cidrFamily } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { CompleteState, RememberedState } from '../state/diff.ts';
import type { KernelState, VxlanLink } from '../state/kernel-state.ts';
import { isBgpNeeded, keepUntilDrained, promisedBy } from './draining.ts';
import { flannelBackend } from './flannel-backend.ts';
import type { OldBridge } from './flannel-remains.ts';
import { vxlanNetworks } from './kept-vxlan.ts';
import { NODE_SETS, renderNftTable } from './nft-table.ts';
import { withSharedUnderlays } from './node-problems.ts';
import { addOwnSubnets } from './own-subnets.ts';
import { foundMtu, smallPlainMtus } from './path-mtu.ts';
import type { BackendSettings } from './path-ways.ts';
import { backendSettings } from './path-ways.ts';
import type { ChosenPath, PeerPath, Verdicts } from './paths.ts';
import { choosePath } from './paths.ts';
import {
  addPath,
  addProbeRules,
  pathMemory,
  sendsBy,
  sendsVxlanBy,
  usedLinks,
} from './peer-objects.ts';
import { podMtu } from './pod-mtu.ts';
import type { PathProbe } from './probes.ts';
import { probesOf } from './probes.ts';
import { StateBuilder } from './state-builder.ts';
import type { OwnRight } from './subnets.ts';
import { holdSubnets, isWithin, withOwnRight } from './subnets.ts';
import { wantedSysctls } from './sysctls.ts';

/** What only this node knows. */
export type Local = LocalNode &
  OwnRight & {
    readonly attachments: readonly Attachment[];
    /** Families that the node's pods have or get: families.ts. */
    readonly neededFamilies: readonly Family[];
    /** Own VXLAN devices that are in the kernel now. */
    readonly vxlanDevices: readonly VxlanLink[];
    /** Routes as they are in the kernel now, by keyOfRoute. */
    readonly routes: KernelState['routes'];
    /** Families that have a rule for probes, or had one since the agent started. */
    readonly probeRules: ReadonlySet<Family>;
    /** What routes lead over, as it is in the kernel now. */
    readonly neighbours: KernelState['neighbours'];
    readonly fdb: KernelState['fdb'];
    /** What probes say of paths, by their key; those that are not in it are untried. */
    readonly verdicts: Verdicts;
    /** By what peers may believe that they can send here, beside what the cluster shows. */
    readonly promised: readonly VxlanReceiver[];
    /** MTUs that probes found to be smaller than believed, by underlayKey. */
    readonly underlayMtus: ReadonlyMap<string, number>;
    /** The routes in the kernel are those of an agent before this one, with what it had found. */
    readonly takesOver: boolean;
    /**
     * Whom the pass before this one left to BIRD, by peerFamilyKey: a route that BIRD has just put
     * there is tried first. Undefined: an agent before this one decided, and the kernel shows how.
     */
    readonly birdPeers: ReadonlySet<string> | undefined;
    /** Names of those that have been of no use for long enough to go. */
    readonly drainedLinks: ReadonlySet<string>;
    /** The sysctls of sysctls.ts as they are now. */
    readonly sysctls: ReadonlyMap<string, string>;
    /** Of pods that Flannel has attached to this node; absent where there are none. */
    readonly oldBridge?: OldBridge | undefined;
  };

export type DesiredInput<Cluster extends Synced | Remembered> = {
  readonly config: Config;
  readonly cluster: Cluster;
  readonly local: Local;
};

export type Desired<State extends KernelState = KernelState> = {
  readonly state: State;
  /** Own subnets that may be used, IPv4 first. */
  readonly ownSubnets: readonly Cidr[];
  readonly paths: readonly PeerPath[];
  readonly probes: readonly PathProbe[];
  readonly advert: Advert;
  /** Whether this node has to say to others how they get to it by BGP. */
  readonly speaksBgp: boolean;
  /** See smallPlainMtus. */
  readonly smallPlainMtus: ReadonlyMap<string, number>;
  /** By which backend Flannel's nodes are to reach this one. */
  readonly flannelBackend: FlannelPath;
  /** MTU of pods' links and of the routes in them. */
  readonly podMtuBytes: { readonly link: number; readonly route: number };
  /** Devices that are of no use any more, kept for what peers may still send. */
  readonly drainingLinks: readonly string[];
  /** What is wrong with nodes' data, by node name, this node among them. */
  readonly nodeProblems: ReadonlyMap<string, readonly string[]>;
};

export function desired(input: DesiredInput<Synced>): Desired<CompleteState>;
export function desired(input: DesiredInput<Remembered>): Desired<RememberedState>;
export function desired(
  input: DesiredInput<Synced | Remembered>,
): Desired<CompleteState | RememberedState> {
  const { config, cluster, local } = input;
  const holding = holdSubnets(config, withOwnRight(cluster.nodes, local));
  const ownSubnets = [...(holding.byNode.get(local.name) ?? [])].sort(byFamily);
  const sources = ownSubnets.map(cidrAddress);
  const memory = {
    ...{ self: local.name, nodes: cluster.nodes, usedLinks: usedLinks(local) },
    ...{ devices: local.vxlanDevices, lookups: local.lookups },
    isTranslated: local.underlays.some(({ publicAddress }) => publicAddress !== undefined),
  };
  const settings = backendSettings(config.backend, vxlanNetworks(config, memory));
  const builder = new StateBuilder();

  const speaksBgp = isBgpNeeded(config, cluster.nodes, local);
  const receives = addReceivers(builder, settings, {
    ...local,
    bird: speaksBgp ? local.bird : undefined,
  });
  const promised = promisedBy(cluster.nodes.get(local.name), local);
  const drainingLinks = keepUntilDrained(builder, local, promised);
  addOwnSubnets(builder, ownSubnets, local.oldBridge);
  const known = { local, memory: pathMemory(local, cluster.nodes) };
  const chosen = peerTargets(config, cluster.nodes, { holding, self: local.name }).map((target) =>
    withMtu(choosePath(settings, known, target), local),
  );
  for (const path of chosen) addPath(builder, path, { sources, local });
  const families = config.families.map(({ family }) => family);
  addProbeRules(builder, chosen, { families, had: local.probeRules });
  const attachments = withinSubnets(local.attachments, ownSubnets);
  builder.join(hostSide(attachments, sources));
  for (const [set, elements] of hostPortSets(attachments)) builder.nftSet(set, elements);
  addSysctls(builder, config, local);
  addNodeSets(builder, cluster.nodes, { config, local });

  const podMtuBytes = podMtu(settings, local, cluster);
  const state = {
    ...builder.build(renderNftTable({ config, ownSubnets })),
    knowledge: cluster.kind === 'synced' ? 'complete' : 'remembered',
  } as CompleteState | RememberedState;
  return {
    state,
    ownSubnets,
    paths: chosen.map(({ path }) => path),
    probes: probesOf(chosen, local),
    podMtuBytes,
    speaksBgp,
    smallPlainMtus: smallPlainMtus(chosen, local),
    drainingLinks,
    nodeProblems: withSharedUnderlays(holding.problems, cluster.nodes, {
      name: local.name,
      underlay: local.underlays.map(advertisedAddress),
    }),
    flannelBackend: flannelBackend(config.backend.type, cluster.nodes),
    advert: {
      v: 1,
      machine: local.machine,
      underlay: local.underlays.map(advertisedAddress),
      families: local.neededFamilies,
      receiveMtuBytes: podMtuBytes.link,
      receives,
      sends: sendsBy(chosen),
      sendsVxlan: sendsVxlanBy(chosen),
      config: config.hash,
    },
  };
}

function withMtu(chosen: ChosenPath, local: Local): ChosenPath {
  const mtu = foundMtu(chosen, local);
  return mtu === undefined ? chosen : { ...chosen, path: { ...chosen.path, mtu } };
}

/** Addresses of subnets that are not held any more lead nowhere; the pods' links stay. */
const withinSubnets = (
  attachments: readonly Attachment[],
  ownSubnets: readonly Cidr[],
): Attachment[] =>
  attachments.map((attachment) => ({
    ...attachment,
    addresses: attachment.addresses.filter((ip) => isWithin(ip, ownSubnets)),
  }));

const byFamily = (a: Cidr, b: Cidr): number => cidrFamily(a).localeCompare(cidrFamily(b));

function addReceivers(
  builder: StateBuilder,
  settings: BackendSettings,
  local: Local,
): Advert['receives'] {
  const plans: ReceivePlan[] = [hostGw.receive({ settings: { type: 'host-gw' }, local })];
  const { bgp: byBird } = bgp.receive({ settings: { type: 'bgp' }, local }).receives;
  for (const network of settings.vxlan) plans.push(vxlan.receive({ settings: network, local }));
  for (const plan of plans) for (const link of plan.links) builder.link(link);
  return {
    vxlan: plans.flatMap((plan) => plan.receives.vxlan ?? []),
    'host-gw': plans.flatMap((plan) => plan.receives['host-gw'] ?? []),
    ...(byBird === undefined ? {} : { bgp: byBird }),
  };
}

function peerTargets(
  config: Config,
  nodes: ReadonlyMap<string, ClusterNode>,
  { holding, self }: { holding: ReturnType<typeof holdSubnets>; self: string },
): PeerTarget[] {
  const targets: PeerTarget[] = [];
  for (const peer of nodes.values()) {
    const held = peer.name === self ? undefined : holding.byNode.get(peer.name);
    if (held === undefined) continue;
    const reach = reachOf(peer);
    for (const { family } of config.families) {
      const isOfFamily = (subnet: Cidr): boolean => cidrFamily(subnet) === family;
      const subnets = held.every(isOfFamily) ? held : held.filter(isOfFamily);
      if (subnets.length === 0) continue;
      const underlayAddress = reach?.underlay.find((ip) => familyOf(ip) === family);
      // A podCIDR of a family that the node neither serves nor needs leads to nobody.
      if (underlayAddress === undefined && peer.advert?.families.includes(family) === false)
        continue;
      targets.push({ peer, reach, family, subnets, underlayAddress });
    }
  }
  return targets;
}

function addSysctls(builder: StateBuilder, config: Config, local: Local): void {
  const ownLinks = builder.vxlanLinkNames();
  const { underlays, birdRoutes } = local;
  const oldBridge = local.oldBridge?.link;
  const links = { underlays, ownLinks, birdLinks: birdRoutes.links, oldBridge };
  const wanted = wantedSysctls(config, links, local.sysctls);
  for (const [path, value] of wanted) builder.sysctl(path, value);
}

/**
 * Pods' packets to these addresses keep their source: they are nodes of the network. InternalIPs
 * are among them, by which everybody else knows a node, wherever its peers reach it.
 */
function addNodeSets(
  builder: StateBuilder,
  nodes: ReadonlyMap<string, ClusterNode>,
  { config, local }: { readonly config: Config; readonly local: Local },
): void {
  const sets = { ipv4: new Set<string>(), ipv6: new Set<string>() };
  const served = new Set(config.families.map(({ family }) => family));
  const add = (ip: Ip): void => void (served.has(familyOf(ip)) && sets[familyOf(ip)].add(ip));
  for (const underlay of local.underlays) {
    add(underlay.address);
    add(advertisedAddress(underlay));
  }
  for (const node of nodes.values()) {
    // Who takes no part knows no way back to pods.
    const takesPart = node.advert !== undefined || node.flannel !== undefined;
    if (!takesPart && node.name !== local.name) continue;
    // Nor does it in a family that it does not serve.
    const isIn = (family: Family): boolean =>
      node.name === local.name ||
      node.advert === undefined ||
      node.advert.underlay.some((ip) => familyOf(ip) === family);
    for (const ip of node.internalIps) if (isIn(familyOf(ip))) add(ip);
    for (const ip of node.advert?.underlay ?? []) add(ip);
    for (const ip of node.flannel?.publicIps ?? []) add(ip);
  }
  for (const family of FAMILIES) builder.nftSet(NODE_SETS[family], sets[family]);
}
