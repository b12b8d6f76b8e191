// One pass of the agent: read the kernel, compute what should be there, apply the difference. From
// the read to the first write everything is synchronous, so that no CNI call comes between; what a
// call's other thread does meanwhile is left out of what is read (src/kernel/dumps.ts). The pass
// keeps no state but its last outcome, which `status` shows.

import type { BirdLife } from '../backend/backend.ts';
import type { BirdRoutes } from '../backend/bird-routes.ts';
import { birdRoutesOf } from '../backend/bird-routes.ts';
import type { VxlanReceiver } from '../cluster/advert.ts';
import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Config, FamilyConfig } from '../config/config.ts';
import type { Desired, Local } from '../desired/desired.ts';
import { isSubnetRoute } from '../desired/own-subnets.ts';
import type { Verdicts } from '../desired/paths.ts';
import { birdPeersIn } from '../desired/peer-objects.ts';
import type { PathProbe } from '../desired/probes.ts';
import type { OwnRight } from '../desired/subnets.ts';
import { sysctlsToRead } from '../desired/sysctls.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import { podOfElement } from '../endpoint/host-ports.ts';
import type { Kernel, OpFailure, ReadScope } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Address, KernelState, VxlanLink } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { linkOf } from '../state/op-key.ts';
import { order } from '../state/order.ts';
import { OWN_PROTOCOL, ownedPart, ownsLink, PROBE_TABLE } from '../state/own.ts';
import { applyCarefully } from './careful-apply.ts';
import { differenceOf } from './difference.ts';
import { DrainingLinks } from './draining-links.ts';
import { Fights } from './fights.ts';
import type { FlannelMove } from './flannel-move.ts';
import { admitted, countRepairs } from './fought-ops.ts';
import type { RememberedHolding } from './lease-keeper.ts';
import type { OriginalSysctls } from './original-sysctls.ts';
import { isOwnVxlan, ownLinkNames, sameTexts } from './own-links.ts';
import { PeerLookups } from './peer-lookups.ts';
import { recordOps } from './record-ops.ts';
import { Settled } from './settled.ts';
import type { UnderlaySearch } from './underlay.ts';
import type { UnderlaySearcherParts } from './underlay-search.ts';
import { UnderlaySearcher } from './underlay-search.ts';
import type { ProbeTurns } from './undone.ts';
import { isLaidOut, probeTurnsIn, withoutFailed } from './undone.ts';

export type ReconcilerParts = Pick<UnderlaySearcherParts, 'underlayWish' | 'addressesGone'> & {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly machine: string;
  readonly originals: OriginalSysctls;
  /** Attachments whose host side belongs into the kernel now. */
  attachments(kernel: KernelState): readonly Attachment[];
  /** What probes have said of paths; forgotten paths are untried. */
  verdicts(): Verdicts;
  /** MTUs of the underlay toward peers that are smaller than believed. */
  underlayMtus(): ReadonlyMap<string, number>;
  /** These marked probes would tell of other paths from now on, until the pass says of which. */
  holdProbes(turns: ProbeTurns): void;
  /** How the BIRD of this node is, where one belongs to it. */
  bird?(): BirdLife | undefined;
  /** Host veths of CNI calls that are under way: left alone. */
  pendingLinks(): ReadonlySet<string>;
  /** Addresses of the same pods. */
  pendingAddresses(): ReadonlySet<string>;
  /** Absent: the node was never one of Flannel. */
  readonly flannel?: FlannelMove;
};

export type PassInput = {
  /** With the families that are served. */
  readonly config: Config;
  /** Those and others, for which an underlay is looked for as well. */
  readonly families: readonly Family[];
  /** See Local. */
  readonly neededFamilies: readonly Family[];
  /** Families of before, of which objects may be left. */
  readonly retired: readonly FamilyConfig[];
  readonly cluster: Synced | Remembered;
  /** What this node may use by its right. */
  readonly right: Pick<OwnRight, 'subnets' | 'isInDoubt'>;
  /** By what peers may believe that they can send here, whatever the cluster shows. */
  readonly promised?: readonly VxlanReceiver[];
};

/** What is kept of a pass: without the states, which are megabytes in a large cluster. */
export type LastPass = {
  readonly clusterKind: PassInput['cluster']['kind'];
  readonly desired: Omit<Desired, 'state' | 'probes'>;
  readonly underlay: UnderlaySearch;
  /** Of the node, on links of others. */
  readonly addresses: readonly Address[];
  /** VXLAN devices of this node, as they were before the pass. */
  readonly devices: readonly VxlanLink[];
  /** Families for which an underlay was looked for, and those of which there is one. */
  readonly searched: readonly Family[];
  readonly reachable: readonly Family[];
  readonly opCount: number;
  readonly failures: readonly OpFailure[];
  readonly durationMs: number;
};

export type PassOutcome = LastPass & {
  readonly ops: readonly Op[];
  readonly probes: readonly PathProbe[];
};

const NO_VERDICTS: Verdicts = new Map();

export class Reconciler {
  /** Objects that somebody else changes again and again. */
  readonly fights: Fights;
  readonly #parts: ReconcilerParts;
  readonly #lookups: PeerLookups;
  readonly #draining: DrainingLinks;
  readonly #underlays: UnderlaySearcher;
  readonly #settled = new Settled();
  #sysctls: readonly string[] = [];
  #last: LastPass | undefined;
  #birdPeers: ReadonlySet<string> = new Set();
  readonly #probeRules = new Set<Family>();
  /** By a cluster that is known. */
  #hasPassed = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.fights = new Fights(parts.clock);
    this.#lookups = new PeerLookups(parts.kernel);
    this.#draining = new DrainingLinks(parts.clock);
    this.#underlays = new UnderlaySearcher(parts);
  }

  /** When a pass is due without any news; undefined: never. */
  get dueAfterMs(): number | undefined {
    const { flannel } = this.#parts;
    const due = [this.#draining.remainingMs(), this.fights.dueAfterMs, flannel?.dueAfterMs];
    const dueAfterMs = Math.min(...due.map((each) => each ?? Number.POSITIVE_INFINITY));
    return dueAfterMs === Number.POSITIVE_INFINITY ? undefined : dueAfterMs;
  }

  get last(): LastPass | undefined {
    return this.#last;
  }

  /** By what an agent before this one programmed: its unreachable routes are the subnets. */
  holdingInKernel(): RememberedHolding | undefined {
    const { routes } = this.#parts.kernel.read(this.#scope());
    const subnets = [...routes.values()].filter(isSubnetRoute).map((route) => route.destination);
    if (subnets.length === 0) return undefined;
    const explanation = 'found in the kernel';
    return { authority: undefined, explanation, subnets: subnets.sort(), isLost: false };
  }

  /** To be called when links, addresses or routes of others changed. */
  forgetLookups(): void {
    this.#lookups.forget();
  }

  /**
   * Whether a pass would find nothing to do, for that is what the last one found in the same. Only
   * to be asked when nobody has reported anything since: of the input it sees what is passed.
   */
  isSettled(input: PassInput): boolean {
    if (this.dueAfterMs !== undefined) return false;
    return this.#settled.holds(input, this.#parts.kernel.fingerprint(this.#scope()));
  }

  /** In which peers could reach this node now: for those that no pass has looked for yet. */
  reachable(families: readonly Family[], self: ClusterNode | undefined): readonly Family[] {
    const state = this.#parts.kernel.read(this.#scope());
    return this.#underlays.search(state, self, families).underlays.map(({ family }) => family);
  }

  async pass(input: PassInput): Promise<PassOutcome> {
    const { config, cluster, right, families: searched, neededFamilies, promised = [] } = input;
    const { kernel, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    const own = cluster.nodes.get(this.#parts.nodeName);
    let actual = this.#read(input, own);
    const step = this.#parts.flannel?.look(actual.state, input);
    if (step !== undefined) {
      await this.#parts.flannel?.take(step);
      actual = this.#read(input, own);
    }
    const { state: kernelState, underlay, reachable } = actual;
    const local = { ...this.#local(actual, input), ...right, neededFamilies, promised };
    const owned = ownedPart(kernelState, actual.networks);
    const difference = differenceOf({ config, cluster, local }, kernelState, owned);
    const { differing } = difference;
    const { probes, ...computed } = difference.computed;
    this.#draining.follow(computed.drainingLinks);
    this.#settled.passed(input, differing.length);
    const isPending = this.#pendingTest();
    const free = order(differing).filter((op) => !isPending(op));
    const ops = admitted(this.fights, free, kernelState);
    recordOps(this.#parts, ops, { before: kernelState, scope: this.#scope() });
    this.#parts.holdProbes(probeTurnsIn(ops));
    const { failures, undone } = await applyCarefully(kernel, ops, kernelState);
    countRepairs(this.fights, ops, failures);
    const durationMs = clock.monotonicMs() - startedMs;
    const { kind: clusterKind } = cluster;
    const advert = withoutFailed(computed.advert, failures);
    const addresses = [...kernelState.addresses.values()].filter(({ link }) => !ownsLink(link));
    const devices = [...kernelState.links.values()].filter(isOwnVxlan);
    const found = { underlay, addresses, devices, searched, reachable };
    const outcome = { clusterKind, ...found, opCount: ops.length, failures, durationMs };
    this.#last = { desired: { ...computed, advert }, ...outcome };
    this.#birdPeers = birdPeersIn(computed.paths);
    this.#hasPassed ||= cluster.kind === 'synced';
    return { ...this.#last, ops, probes: probes.filter((probe) => isLaidOut(probe, undone)) };
  }

  /** Twice only when the links changed so that other sysctls have to be looked at. */
  #read({ config, retired, families }: PassInput, self: ClusterNode | undefined): Actual {
    const isServed = ({ family }: { readonly family: Family }): boolean =>
      config.families.some((each) => each.family === family);
    for (let attempt = 0; ; attempt += 1) {
      const state = this.#parts.kernel.read(this.#scope());
      const found = this.#underlays.search(state, self, families);
      const reachable = found.underlays.map(({ family }) => family);
      const underlay = { ...found, underlays: found.underlays.filter(isServed) };
      const networks = [...config.families, ...retired].map(({ network }) => network);
      const birdRoutes = birdRoutesOf(state.birdRoutes, networks);
      const wanted = sysctlsToRead({
        ...{ underlays: underlay.underlays, ownLinks: ownLinkNames(state) },
        birdLinks: birdRoutes.links,
        oldBridge: this.#parts.flannel?.bridge?.link,
      });
      if (attempt > 0 || sameTexts(wanted, this.#sysctls))
        return { state, underlay, reachable, networks, birdRoutes };
      this.#sysctls = wanted;
    }
  }

  #scope(): ReadScope {
    return {
      sysctls: this.#sysctls,
      routeProtocol: OWN_PROTOCOL,
      birdRoutes: true,
      rulePriority: PROBE_TABLE,
      nft: true,
      ownsLink,
    };
  }

  #local(
    { state, underlay, birdRoutes }: Actual,
    { cluster, config }: PassInput,
  ): Omit<Local, 'subnets' | 'isInDoubt' | 'neededFamilies' | 'promised'> {
    const { nodeName, machine, kernel } = this.#parts;
    const families = underlay.underlays.map(({ family }) => family);
    const served = config.families.map(({ family }) => family);
    const { routes, neighbours, fdb, sysctls } = state;
    for (const { family } of state.rules.values()) this.#probeRules.add(family);
    return {
      name: nodeName,
      machine,
      underlays: underlay.underlays,
      lookups: this.#lookups.of({ cluster, nodeName, families, served, routes }),
      hasNexthopObjects: kernel.hasNexthopObjects,
      bird: this.#parts.bird?.(),
      birdRoutes,
      attachments: this.#parts.attachments(state),
      vxlanDevices: [...state.links.values()].filter(isOwnVxlan),
      ...{ routes, neighbours, fdb, sysctls },
      probeRules: this.#probeRules,
      // What only the disk remembers of the cluster changes no path.
      verdicts: cluster.kind === 'synced' ? this.#parts.verdicts() : NO_VERDICTS,
      underlayMtus: this.#parts.underlayMtus(),
      takesOver: !this.#hasPassed,
      birdPeers: this.#hasPassed ? this.#birdPeers : undefined,
      drainedLinks: this.#draining.drained(),
      oldBridge: this.#parts.flannel?.bridge,
    };
  }

  #pendingTest(): (op: Op) => boolean {
    const links = this.#parts.pendingLinks();
    if (links.size === 0) return () => false;
    const addresses = this.#parts.pendingAddresses();
    return (op) => {
      if (op.object === 'nft-element') return addresses.has(podOfElement(op.value) ?? '');
      return links.has(linkOf(op) ?? '');
    };
  }
}

type Actual = {
  readonly state: KernelState;
  readonly underlay: UnderlaySearch;
  readonly reachable: readonly Family[];
  /** Those of pods, by which it is known what may be ours. */
  readonly networks: readonly Cidr[];
  readonly birdRoutes: BirdRoutes;
};
