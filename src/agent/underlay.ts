// Finds what a node is connected by: for each family the address, link and MTU that peers reach it
// at. What an operator says by annotations and flags decides; without a word the Node's InternalIP,
// since that is what the rest of the cluster knows the node by. A family of which nothing is said
// takes an address of the link that the other was found on. What is asked for and not there changes
// nothing: the address that was in use stays while the node has it. Pure.

import type { Underlay } from '../backend/backend.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { KernelState } from '../state/kernel-state.ts';
import { ownsLink } from '../state/own.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import type { Candidate } from './underlay-candidates.ts';
import { bestOn, underlayCandidates } from './underlay-candidates.ts';
import type { Choice } from './underlay-links.ts';
import { chooseByLinks } from './underlay-links.ts';
import type { UnderlayWish } from './underlay-wish.ts';
import { namesLinks } from './underlay-wish.ts';

export type FoundUnderlay = Underlay & {
  /** Which rule has chosen the address, for `status`. */
  readonly chosenBy: string;
};

export type UnderlaySearch = {
  readonly underlays: readonly FoundUnderlay[];
  /** One sentence per family that was asked for and not found. */
  readonly problems: readonly string[];
  /** One per family that goes on with what it had, since what is asked for is not there. */
  readonly kept: readonly string[];
};

export type UnderlayQuestion = {
  readonly kernel: KernelState;
  /** The own node as the datastore has it. */
  readonly self: Pick<ClusterNode, 'internalIps' | 'advert' | 'addressWords'> | undefined;
  readonly families: readonly Family[];
  readonly wish: UnderlayWish;
  /** Answers to `lookupsFor`. */
  readonly lookups: ReadonlyMap<Ip, RouteLookup>;
};

/** Documentation addresses (RFC 5737, RFC 3849), which only a default route leads to. */
const ELSEWHERE = { ipv4: '192.0.2.1' as Ip, ipv6: '2001:db8::1' as Ip } as const;

const NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const satisfies Record<Family, string>;

/** The addresses whose way out of the node the search needs to know. */
export function lookupsFor(wish: UnderlayWish, families: readonly Family[]): readonly Ip[] {
  if (namesLinks(wish)) return wish.canReach;
  const { nodeIps } = wish;
  if (nodeIps === undefined) return [];
  const unsaid = families.filter((family) => !nodeIps.some((ip) => familyOf(ip) === family));
  return unsaid.map((family) => ELSEWHERE[family]);
}

export function findUnderlays(question: UnderlayQuestion): UnderlaySearch {
  const { families } = question;
  const candidates = underlayCandidates(question.kernel, inUse(question));
  const found = new Map<Family, Found>();
  const missing = new Map<Family, Missing>();
  const kept: string[] = [];
  const progress = { found, missing, kept, candidates };
  for (const family of families) {
    const choice = choose(question, family, candidates);
    if (choice.kind === 'found') {
      found.set(family, choice);
      continue;
    }
    const follows = choice.kind === 'unsaid' || namesLinks(question.wish);
    missing.set(family, { why: choice.why, follows });
    if (!follows) keep(family, progress);
  }
  followOtherFamily(question, progress);
  for (const family of families) keep(family, progress);
  followOtherFamily(question, progress);
  return {
    underlays: families.flatMap((family) => {
      const choice = found.get(family);
      return choice === undefined ? [] : [underlayOf(question, family, choice)];
    }),
    problems: families.flatMap((family) =>
      found.has(family) ? [] : [`${missing.get(family)?.why}: ${NAMES[family]} is not served here`],
    ),
    kept,
  };
}

type Found = { readonly candidate: Candidate; readonly by: string };
/** `follows`: to the link of the other family, if there is one. */
type Missing = { readonly why: string; readonly follows: boolean };
type Progress = {
  readonly found: Map<Family, Found>;
  readonly missing: ReadonlyMap<Family, Missing>;
  readonly kept: string[];
  readonly candidates: readonly Candidate[];
};

function choose(
  question: UnderlayQuestion,
  family: Family,
  candidates: readonly Candidate[],
): Choice {
  const { self, wish, lookups, kernel } = question;
  const overwrite = ofFamily(self?.addressWords?.overwrites, family);
  const told = candidates.find(({ address }) => address === overwrite);
  if (told !== undefined) {
    return { kind: 'found', candidate: told, by: `annotation ${nameOf('overwrite', family)}` };
  }
  const said = publicWord(question, family);
  if (namesLinks(wish)) {
    return chooseByLinks({ wish, kernel, lookups, candidates, preferred: said?.ip }, family);
  }
  if (said !== undefined) return exactly([said.ip], said.by, candidates);
  if (wish.nodeIps === undefined) return byInternalIp(question, family, candidates);
  const nodeIps = wish.nodeIps.filter((ip) => familyOf(ip) === family);
  if (nodeIps.length > 0) return exactly(nodeIps, '--node-ip', candidates);
  return byDefaultRoute(question, family, candidates);
}

function byInternalIp(
  { self }: UnderlayQuestion,
  family: Family,
  candidates: readonly Candidate[],
): Choice {
  const own = (self?.internalIps ?? []).filter((ip) => familyOf(ip) === family);
  if (own.length > 0) return exactly(own, 'InternalIP', candidates);
  const name = NAMES[family];
  const why =
    `this node has no ${name} address for its peers (no ${name} InternalIP, and none on the ` +
    'link of the other family)';
  return { kind: 'unsaid', why };
}

function byDefaultRoute(
  { lookups }: UnderlayQuestion,
  family: Family,
  candidates: readonly Candidate[],
): Choice {
  const lookup = lookups.get(ELSEWHERE[family]);
  const name = NAMES[family];
  const why = `no --node-ip is given and no default route for ${name} has an address of this node`;
  if (lookup?.kind !== 'gateway' && lookup?.kind !== 'onlink') return { kind: 'unsaid', why };
  const source = candidates.find(
    ({ address, link }) => address === lookup.source && link === lookup.link,
  );
  const best = source ?? bestOn(candidates, lookup.link, family)?.candidate;
  if (best === undefined) return { kind: 'unsaid', why };
  return { kind: 'found', candidate: best, by: 'the default route' };
}

/** The first of these that the node has. */
function exactly(ips: readonly Ip[], by: string, candidates: readonly Candidate[]): Choice {
  for (const ip of ips) {
    const candidate = candidates.find(({ address }) => address === ip);
    if (candidate === undefined) continue;
    const others = ips.length > 1 ? ` (of ${ips.join(', ')})` : '';
    return { kind: 'found', candidate, by: `${by}${others}` };
  }
  const what = by === 'InternalIP' ? `its InternalIP ${ips.join(', ')}` : by;
  const right = by.includes('public-ip') ? ' (behind a NAT name the link too, by --iface)' : '';
  const value = by === '--node-ip' ? ` ${ips.join(', ')}` : '';
  return { kind: 'missing', why: `no link of this node has ${what}${value}${right}` };
}

/** What is said of the public address: by the annotation, else by the flag. */
function publicWord(
  { self, wish }: UnderlayQuestion,
  family: Family,
): { readonly ip: Ip; readonly by: string } | undefined {
  const annotated = ofFamily(self?.addressWords?.publicIps, family);
  if (annotated !== undefined) {
    return { ip: annotated, by: `annotation ${nameOf('public', family)} "${annotated}"` };
  }
  const ip = ofFamily(wish.publicIps, family);
  const flag = family === 'ipv4' ? '--public-ip' : '--public-ipv6';
  return ip === undefined ? undefined : { ip, by: `${flag} "${ip}"` };
}

const nameOf = (kind: 'overwrite' | 'public', family: Family): string => {
  const version = family === 'ipv4' ? '' : 'v6';
  return kind === 'public' ? `node-public-ip${version}` : `public-ip${version}-overwrite`;
};

/** A family that has nothing of its own follows the other to its link. */
function followOtherFamily(
  { wish }: UnderlayQuestion,
  { found, missing, candidates }: Progress,
): void {
  const [anchor] = found.entries();
  if (anchor === undefined) return;
  const [other, { candidate }] = anchor;
  for (const [family, { follows }] of missing) {
    if (found.has(family) || !follows) continue;
    const best = bestOn(candidates, candidate.link, family);
    if (best === undefined) continue;
    const by = namesLinks(wish) ? candidate.link : `on the link of the ${NAMES[other]} address`;
    found.set(family, { candidate: best.candidate, by: `${by}${best.others}` });
  }
}

/** What was in use goes on while the node has it. */
function keep(family: Family, { found, missing, kept, candidates }: Progress): void {
  const why = missing.get(family)?.why;
  if (why === undefined || found.has(family)) return;
  const candidate = candidates.find((each) => each.isInUse && familyOf(each.address) === family);
  if (candidate === undefined) return;
  found.set(family, { candidate, by: `in use before: ${why}` });
  kept.push(`${why}: ${candidate.address} on ${candidate.link}, which was in use, stays so`);
}

/** What this node told its peers last, and what its own devices send by. */
function inUse({ kernel, self }: UnderlayQuestion): ReadonlySet<Ip> {
  const devices = [...kernel.links.values()].flatMap((link) =>
    link.kind === 'vxlan' && ownsLink(link.name) ? [link.local] : [],
  );
  return new Set([...(self?.advert?.underlay ?? []), ...devices]);
}

function underlayOf(
  question: UnderlayQuestion,
  family: Family,
  { candidate, by }: Found,
): FoundUnderlay {
  const { link, address } = candidate;
  const overwrite = ofFamily(question.self?.addressWords?.overwrites, family);
  const said = namesLinks(question.wish) ? publicWord(question, family)?.ip : undefined;
  const publicAddress = overwrite ?? said ?? address;
  return {
    family,
    link,
    address,
    ...(publicAddress === address ? {} : { publicAddress }),
    mtuBytes: question.kernel.links.get(link)?.mtuBytes ?? 1500,
    chosenBy: by,
  };
}

const ofFamily = (ips: readonly Ip[] | undefined, family: Family): Ip | undefined =>
  ips?.find((ip) => familyOf(ip) === family);
