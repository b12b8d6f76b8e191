// The path bgp to a peer, whose route is BIRD's. It is in use wherever no route of ours is above
// BIRD's: that is how the kernel sends then, whatever was asked for, so it is said so, and left for
// another path like any other one. Begun is it only where `Type` says bgp, the peer promises it and
// BIRD has a route to each of its subnets. Once in use it lasts as long as the route to the first
// subnet does, and then by the copy of it until another path has answered: neither a word of the
// peer about its BIRD, which restarts, nor a further subnet that BIRD has not heard of yet ends it.
// Pure.

import type { BirdPlan, LocalNode, PathOffer, PathPlan, PeerTarget } from '../backend/backend.ts';
import { bgp } from '../backend/bgp.ts';
import { birdRouteTo } from '../backend/bird-routes.ts';
import type { PathName } from '../cluster/advert.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Route, RouteVia } from '../state/kernel-state.ts';
import { printVia } from '../state/print.ts';

const BGP = { type: 'bgp' } as const;
const NO_REASONS: readonly string[] = [];

export const isBirdPlan = (plan: PathPlan): plan is BirdPlan => 'birdRoute' in plan;

export type BirdQuestion = {
  readonly local: LocalNode;
  /** No route of ours leads to the peer's first subnet. */
  readonly isBare: boolean;
  readonly isAskedFor: boolean;
  /** The largest packet that the peer receives plainly, as far as is known. */
  readonly receiveBytes: number;
};

export function birdOffer(target: PeerTarget, question: BirdQuestion): PathOffer {
  const { local, isBare, isAskedFor, receiveBytes } = question;
  const { peer } = target;
  // Where a router announces many subnets as one, its route says nothing of whoever is new.
  const isInUse = isBare && (speaks(target) || hasOwnRoute(target, local));
  if (!isInUse && !isAskedFor) return { kind: 'unusable', reason: 'bgp is not asked for' };
  const offer = bgp.offer({ settings: BGP, local }, isInUse ? asSpeaker(target) : target);
  if (offer.kind === 'unusable' || !isBirdPlan(offer.plan)) return offer;
  const [lacking] = offer.plan.lacking;
  if (!isInUse && lacking !== undefined) {
    return { kind: 'unusable', reason: `BIRD has no route to ${lacking} of ${peer.name}` };
  }
  const reason = excessOf(offer.plan, target, { local, receiveBytes });
  // It is left as one that has fallen silent is: not before another has answered.
  return isInUse || reason === '' ? offer : { kind: 'unusable', reason };
}

/**
 * Why packets of full size are lost by it; '' when they are not. No route of ours bounds them, so
 * that BIRD's has to: it is told to with its configuration, which takes a moment.
 */
export function excessOf(
  plan: PathPlan,
  target: PeerTarget,
  { local, receiveBytes }: Pick<BirdQuestion, 'local' | 'receiveBytes'>,
): string {
  const sendBytes = isBirdPlan(plan) ? sendBytesBy(plan, target, local) : 0;
  return sendBytes <= receiveBytes
    ? ''
    : `${target.peer.name} takes packets of ${receiveBytes} bytes over ${target.family}, and by ` +
        `bgp those of ${sendBytes} are sent`;
}

/** Where nothing else is left: without a route of ours packets go by BIRD's, wanted or not. */
export function birdAnyway(target: PeerTarget, local: LocalNode): BirdPlan | undefined {
  const offer = bgp.offer({ settings: BGP, local }, asSpeaker(target));
  return offer.kind === 'usable' && isBirdPlan(offer.plan) ? offer.plan : undefined;
}

/** Where BIRD has no route any more, and neither have we but the copy of it. */
export function birdCopy(
  { subnets: [subnet] }: PeerTarget,
  { local, copyTo }: { readonly local: LocalNode; copyTo(subnet: Cidr): Route | undefined },
): BirdPlan | undefined {
  // One that leads nowhere is above the copy.
  if (subnet === undefined || birdRouteTo(local.birdRoutes, subnet) !== undefined) return undefined;
  const birdRoute = copyTo(subnet);
  return birdRoute && { birdRoute, lacking: [], isCopy: true };
}

export const copyReason = ({ subnets: [subnet] }: PeerTarget): string =>
  `BIRD's route to ${subnet} is gone; its copy is kept until another path works`;

const speaks = ({ reach, family }: PeerTarget): boolean => reach?.bgp.includes(family) === true;

const hasOwnRoute = ({ reach, subnets: [subnet] }: PeerTarget, local: LocalNode): boolean =>
  reach?.speaker === 'advert' && subnet !== undefined && local.birdRoutes.byDestination.has(subnet);

/** As if it promised it. */
const asSpeaker = (target: PeerTarget): PeerTarget => {
  const { reach, family } = target;
  return reach === undefined ? target : { ...target, reach: { ...reach, bgp: [family] } };
};

export function sendBytesBy(
  { birdRoute }: BirdPlan,
  { family }: PeerTarget,
  { underlays }: LocalNode,
): number {
  const underlay = underlays.find((candidate) => candidate.family === family);
  const mtuBytes = underlay?.mtuBytes ?? 0;
  return Math.min(mtuBytes, birdRoute.mtuBytes ?? mtuBytes);
}

/** Another way of BIRD's is another path: what probes said of the one before means nothing. */
export const keyOfBirdPlan = ({ birdRoute }: BirdPlan): string => `bgp ${printVia(birdRoute.via)}`;

/** BIRD's way, as a route of our own can have it. */
export const probeVia = ({ birdRoute: { via } }: Pick<BirdPlan, 'birdRoute'>): RouteVia =>
  via.kind === 'nexthop' ? { ...via, kind: 'gateway', onlink: true } : via;

/** What is to be said of subnets to which BIRD has no route, while it has one to the first. */
export function lackReasons(
  option: { readonly plan: PathPlan } | undefined,
  besides: { readonly name: PathName } | undefined,
): readonly string[] {
  if (option === undefined || !isBirdPlan(option.plan) || option.plan.lacking.length === 0) {
    return NO_REASONS;
  }
  const led =
    besides === undefined ? 'and nothing else leads there' : `where ${besides.name} leads`;
  return [`BIRD has no route to ${option.plan.lacking.join(', ')}, ${led}`];
}
