// By which path this node sends to each peer: the best one that the configuration asks for, that
// the peer can receive by, that can work here, and over which a probe has come back. Until then
// the path in use stays, so that nodes may move at different times and nothing is sent where
// nobody listens. Decided peer by peer and family by family. Pure; the reasons are words for
// `status`.

import type { LocalNode, PathPlan, PeerTarget } from '../backend/backend.ts';
import type { VxlanNetwork } from '../backend/vxlan.ts';
import type { PathName } from '../cluster/advert.ts';
import { receivedBy } from '../cluster/reach.ts';
import type { BackendConfig, BackendType } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { Route, RouteVia } from '../state/kernel-state.ts';
import {
  birdAnyway,
  birdCopy,
  copyReason,
  excessOf,
  isBirdPlan,
  keyOfBirdPlan,
  lackReasons,
} from './bird-path.ts';
import type { Vtep } from './kept-path.ts';
import { asReceiver, keptReason } from './kept-path.ts';
import type { PathMtu } from './path-mtu.ts';
import { isStuck, isToBeLeft, leaveBlindly } from './path-troubles.ts';
import type { BackendSettings, Way, WayQuestion } from './path-ways.ts';
import { leavesSilent, offerBy } from './path-ways.ts';

/** What probes have said of a path so far; `untried` also when it is its turn to be tried again. */
export type PathVerdict = 'untried' | 'answers' | 'silent';

/** By PathOption.key. */
export type Verdicts = Pick<ReadonlyMap<string, PathVerdict>, 'get' | 'has'> & {
  /** It has never answered, and has been asked for long, or is in use all the same. */
  isHopeless?(key: string): boolean;
};

export type PeerPath = {
  readonly peer: string;
  readonly family: Family;
  readonly subnets: readonly Cidr[];
  readonly configured: BackendType;
  /** By which the peer says that it can be reached. */
  readonly receives: readonly PathName[];
  /** `none`: the peer's pods cannot be reached. */
  readonly used: PathName | 'none';
  /** Why it is not the configured one; '' when it is. */
  readonly reason: string;
  /** The path that is taken as soon as a probe has come back over it. */
  readonly waitsFor?: PathName;
  /** Where the path that is used takes smaller packets than both ends believe. */
  readonly mtu?: PathMtu;
};

/** One way to reach one peer in one family. */
export type PathOption = {
  readonly name: PathName;
  /** Tells it from every other path of this node, also from one of the same backend. */
  readonly key: string;
  readonly plan: PathPlan;
  readonly network: VxlanNetwork | undefined;
  /** Why it is to be left for another one that answers, though it may answer itself. */
  readonly excess?: string;
};

export type ChosenPath = {
  readonly path: PeerPath;
  readonly target: PeerTarget;
  readonly option: PathOption | undefined;
  /** To be prepared and probed beside the one in use. */
  readonly tested: PathOption | undefined;
  /** To be tested as well, when it is their turn: a peer has one route for probes. */
  readonly waiting: readonly PathOption[];
  /** For those of the peer's subnets to which the path itself has no route yet. */
  readonly besides?: PathOption;
};

const NO_REASONS: readonly string[] = [];
const NONE: readonly PathOption[] = [];

export type PathMemory = {
  /** Where the kernel's route to a subnet of a peer leads now. */
  viaOf(subnet: Cidr): RouteVia | undefined;
  /** Our copy of BIRD's route to it. */
  copyTo(subnet: Cidr): Route | undefined;
  /** Where it really leads, if that is over a device of this node. */
  vtepOf(via: RouteVia): Vtep | undefined;
  /** By PathOption.key. */
  verdictOf(key: string): PathVerdict;
  /** See Verdicts. */
  isHopeless(key: string): boolean;
  /** Whether a node says that its peers reach it there. */
  isSaid(address: Ip): boolean;
  /** Whether it is sent to by BIRD's route where none of ours is, which is no mere news of BIRD. */
  isByBird(target: PeerTarget): boolean;
  /** Of packets without any wrapping, the largest that is known to get there. */
  receiveBytesOf(target: PeerTarget): number;
};

type Known = { readonly local: LocalNode; readonly memory: PathMemory };

type Offers = {
  readonly usable: readonly PathOption[];
  readonly reasons: readonly string[];
  /** The one that the kernel's route takes now. */
  readonly inUse: PathOption | undefined;
};

export function choosePath(
  settings: BackendSettings,
  { local, memory }: Known,
  target: PeerTarget,
): ChosenPath {
  const offers = offersOf(settings, { local, memory }, target);
  const decision = decide(settings.configured, offers, { target, memory });
  const { option, tested, waiting = NONE } = decision;
  const [best] = offers.usable;
  const besides = besidesOf(option, offers);
  const waits = best !== undefined && (tested === best || waiting.includes(best));
  const reasons = [
    ...offers.reasons,
    ...(waits ? [waitingReason(best, memory)] : []),
    ...lackReasons(option, besides),
  ];
  const path: { -readonly [Key in keyof PeerPath]: PeerPath[Key] } = {
    peer: target.peer.name,
    family: target.family,
    subnets: target.subnets,
    configured: settings.configured.type,
    receives: receivedBy(target.reach, target.family),
    used: option?.name ?? 'none',
    reason: reasons.join('; '),
  };
  if (waits) path.waitsFor = best.name;
  const chosen = { path, target, option, tested, waiting };
  return besides === undefined ? chosen : { ...chosen, besides };
}

const besidesOf = (option: PathOption | undefined, { usable }: Offers): PathOption | undefined =>
  option !== undefined && isBirdPlan(option.plan) && option.plan.lacking.length > 0
    ? usable.find(({ plan }) => !isBirdPlan(plan))
    : undefined;

export type Decision = Pick<ChosenPath, 'option' | 'tested'> & Partial<Pick<ChosenPath, 'waiting'>>;

function decide(
  configured: BackendConfig,
  { usable, inUse }: Offers,
  { target, memory }: { readonly target: PeerTarget; readonly memory: PathMemory },
): Decision {
  const [best] = usable;
  // Flannel's nodes have no address that answers on every path: their word is all there is.
  if (best === undefined || target.reach?.speaker === 'flannel') {
    return { option: best, tested: undefined };
  }
  const verdict = ({ key }: PathOption): PathVerdict => memory.verdictOf(key);
  if (inUse === undefined) return firstChoice(configured, usable, verdict);
  if (inUse !== best && verdict(best) === 'answers') return { option: best, tested: undefined };
  if (isStuck(configured, [inUse, ...usable], memory)) return leaveBlindly(inUse, usable);
  if (isToBeLeft(configured, inUse, memory)) {
    const others = usable.filter((option) => option !== inUse);
    const answering = others.find((option) => verdict(option) === 'answers');
    if (answering !== undefined) return { option: answering, tested: undefined };
    const tested = others.find((option) => verdict(option) === 'untried') ?? others[0];
    return { option: inUse, tested, waiting: others.filter((option) => option !== tested) };
  }
  return { option: inUse, tested: inUse === best ? undefined : best };
}

/** With nothing in use nothing can be lost: begun is with what most underlays let pass. */
function firstChoice(
  configured: BackendConfig,
  usable: readonly PathOption[],
  verdict: (option: PathOption) => PathVerdict,
): Decision {
  const [best] = usable;
  if (best === undefined || !leavesSilent(configured) || verdict(best) === 'answers') {
    return { option: best, tested: undefined };
  }
  const safest = usable.find(({ name }) => name === 'vxlan') ?? best;
  return { option: safest, tested: safest === best ? undefined : best };
}

function leadsThere(plan: PathPlan, target: PeerTarget, memory: PathMemory): boolean {
  const via = viaInUse(target, memory);
  if (isBirdPlan(plan)) return via === undefined && memory.isByBird(target);
  return via !== undefined && leadsBy(via, plan);
}

function viaInUse({ subnets }: PeerTarget, memory: PathMemory): RouteVia | undefined {
  const [subnet] = subnets;
  return subnet === undefined ? undefined : memory.viaOf(subnet);
}

export function leadsBy(via: RouteVia, plan: PathPlan): boolean {
  if (isBirdPlan(plan) || (via.kind !== 'nexthop' && via.kind !== 'gateway')) return false;
  const { nexthop } = plan;
  return via.link === nexthop.link && via.gateway === nexthop.gateway;
}

const waitingReason = ({ name, key }: PathOption, memory: PathMemory): string =>
  memory.verdictOf(key) === 'silent'
    ? `${name} is prepared, but no probe comes back over it`
    : `${name} is being probed`;

function offersOf(
  { configured, ways }: BackendSettings,
  { local, memory }: Known,
  target: PeerTarget,
): Offers {
  const usable: PathOption[] = [];
  let reasons = NO_REASONS;
  const question = questionOf(target, { local, memory });
  for (const way of ways) {
    const offer = offerBy(way, question, target);
    if (offer.kind === 'unusable') {
      if (way.isAskedFor) reasons = [...reasons, offer.reason];
      continue;
    }
    const { plan } = offer;
    const excess = way.name === 'bgp' ? excessOf(plan, target, question) : '';
    if (excess !== '') reasons = [...reasons, excess];
    const base = { name: way.name, key: keyOf(plan, target), plan, network: way.network };
    const option = excess === '' ? base : { ...base, excess };
    usable.push(option);
    // Of thousands of peers nearly all use their best path: the others need no look.
    if (usable.length > 1 || !leadsThere(plan, target, memory)) continue;
    if (isToBeLeft(configured, option, memory)) continue;
    if (isBirdPlan(plan) && plan.lacking.length > 0) continue;
    return { usable, reasons, inUse: option };
  }
  const inUse = usable.find(({ plan }) => leadsThere(plan, target, memory));
  const copy = inUse === undefined ? copyOption(question, target, memory) : undefined;
  if (copy !== undefined) {
    return { usable: [...usable, copy], reasons: [...reasons, copyReason(target)], inUse: copy };
  }
  if (usable.length > 0) return { usable, reasons, inUse };
  const kept = keptOption(ways, { local, memory }, target);
  if (kept === undefined) return { usable, reasons, inUse };
  return { usable: [kept], reasons: [...reasons, keptReason(target, kept)], inUse: kept };
}

/** BIRD's route is gone: its copy leads on, and may lead to nobody any more. */
function copyOption(
  { local, isBare }: WayQuestion,
  target: PeerTarget,
  { copyTo }: PathMemory,
): PathOption | undefined {
  const plan = isBare ? birdCopy(target, { local, copyTo }) : undefined;
  const rest = { name: 'bgp', network: undefined, excess: copyReason(target) } as const;
  return plan && { ...rest, plan, key: keyOf(plan, target) };
}

/** A peer that says of no address where it is may still be found where it was. */
const whereSent = (target: PeerTarget, via: RouteVia, memory: PathMemory): Ip | undefined => {
  const { underlayAddress, reach } = target;
  if (underlayAddress !== undefined || reach?.speaker !== 'advert') return underlayAddress;
  if (via.kind !== 'nexthop' && via.kind !== 'gateway') return undefined;
  return memory.isSaid(via.gateway) ? undefined : via.gateway;
};

/** The path in use, to a peer that would be lost without it. */
function keptOption(
  ways: readonly Way[],
  { local, memory }: Known,
  target: PeerTarget,
): PathOption | undefined {
  const via = viaInUse(target, memory);
  if (via === undefined) {
    const plan = birdAnyway(target, local);
    return plan && { name: 'bgp', key: keyOf(plan, target), plan, network: undefined };
  }
  const vtep = memory.vtepOf(via);
  const where = whereSent(target, via, memory);
  for (const way of ways) {
    const receiver = asReceiver({ ...target, underlayAddress: where }, way.network, vtep);
    if (receiver === undefined || way.name === 'bgp') continue;
    const offer = offerBy(way, questionOf(target, { local, memory }), receiver);
    if (offer.kind === 'unusable' || !leadsBy(via, offer.plan)) continue;
    const { plan } = offer;
    return { name: way.name, key: keyOf(plan, target), plan, network: way.network };
  }
  return undefined;
}

const questionOf = (target: PeerTarget, { local, memory }: Known): WayQuestion => ({
  local,
  isBare: viaInUse(target, memory) === undefined && memory.isByBird(target),
  receiveBytes: memory.receiveBytesOf(target),
});

function keyOf(plan: PathPlan, { peer, family }: PeerTarget): string {
  const key = isBirdPlan(plan)
    ? keyOfBirdPlan(plan)
    : `${plan.nexthop.link} ${plan.nexthop.gateway}`;
  return `${peer.uid} ${family} ${key}`;
}
