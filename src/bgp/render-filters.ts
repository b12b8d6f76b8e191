// Sets of prefixes and filters as BIRD writes them. Whatever stands here has been checked:
// prefixes, numbers and communities have no text of their own.

import type { BgpRule, Community } from '../config/bgp-settings.ts';
import type { Cidr } from '../net/cidr.ts';
import { hostCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type { PrefixRange, SessionExports, SessionImports } from './speaker-types.ts';

export const FAMILY_DIGIT = { ipv4: 4, ipv6: 6 } as const satisfies Record<Family, number>;

/**
 * BGP compares these first of all. What a node says itself comes before what a reflector says, and
 * that before what comes from outside, whatever it says, unless a filter of ours sets more.
 */
const PREFERENCE = { node: 300, reflected: 200, outsideMax: 199 } as const;

export const prefixSet = (prefixes: readonly string[]): string => `[ ${prefixes.join(', ')} ]`;
export const inside = (network: Cidr): string => `${network}+`;
export const hosts = (address: Ip): string => hostCidr(address);
export const ranges = (all: readonly PrefixRange[]): readonly string[] => all.map(range);

const range = ({ network, lengthMinBits, lengthMaxBits }: PrefixRange): string =>
  `${network}{${lengthMinBits},${lengthMaxBits}}`;

/** `import …;` of a channel; `limit` is that of its routes. */
export function importFilter(
  imports: SessionImports,
  { family, limit }: { readonly family: Family; readonly limit: number },
): readonly string[] {
  const digit = FAMILY_DIGIT[family];
  switch (imports.kind) {
    case 'subnets':
      return imports.subnets.length === 0
        ? ['import none;']
        : nodeFilter(digit, prefixSet(imports.subnets), PREFERENCE.node);
    case 'reflected':
      return nodeFilter(digit, `SUBNETS${digit}`, PREFERENCE.reflected);
    case 'peer':
      return peerImport(imports, { digit, limit });
  }
}

/**
 * A call, and no filter of its own: BIRD 2.0.12 reads `filter { … }` in sessions in a time that
 * grows with the square of their number.
 */
const nodeFilter = (digit: number, set: string, preference: number): readonly string[] => [
  `import where may_say${digit}(${set}, ${preference});`,
];

/** Whether a node may say what it says, and how much that counts. */
export const nodeFunction = (digit: number): readonly string[] => [
  `function may_say${digit}(prefix set allowed; int worth) {`,
  `  if is_own${digit}() || net !~ allowed then return false;`,
  '  bgp_local_pref = worth;',
  '  return true;',
  '}',
];

/**
 * BIRD asks for what it did not take over the limit when the filter is another, not when the limit
 * is. So the filter names the limit, in a condition that no route meets.
 */
const ofLimit = (limit: number): string => `  if net.len > ${LENGTH_BITS_MAX + limit} then reject;`;
const LENGTH_BITS_MAX = 128;

function peerImport(
  { rules, acceptPods }: Extract<SessionImports, { kind: 'peer' }>,
  { digit, limit }: { readonly digit: number; readonly limit: number },
): readonly string[] {
  const { outsideMax } = PREFERENCE;
  return [
    'import filter {',
    ofLimit(limit),
    `  if is_own${digit}() then reject;`,
    '  if ! defined(bgp_local_pref) then bgp_local_pref = 100;',
    `  if bgp_local_pref > ${outsideMax} then bgp_local_pref = ${outsideMax};`,
    ...rules.map((rule) => `  ${ruleText(rule)}`),
    ...(acceptPods ? [`  if net ~ SUBNETS${digit} then accept;`] : []),
    '  reject;',
    '};',
  ];
}

function ruleText({ action, match, communities, localPreference }: BgpRule): string {
  const conditions = [
    ...(match === undefined ? [] : [`net ~ ${prefixSet([rangeOfRule(match)])}`]),
    ...(communities.length === 0 ? [] : [communityCondition(communities)]),
  ];
  const does =
    localPreference === undefined
      ? `${action};`
      : `{ bgp_local_pref = ${localPreference}; ${action}; }`;
  return conditions.length === 0 ? does : `if ${conditions.join(' && ')} then ${does}`;
}

const rangeOfRule = ({ prefix, lengthMinBits, lengthMaxBits }: NonNullable<BgpRule['match']>) =>
  range({ network: prefix, lengthMinBits, lengthMaxBits });

const isLarge = (community: Community): boolean => community.split(':').length === 3;
const tuple = (community: Community): string => `(${community.replaceAll(':', ', ')})`;
const attribute = (community: Community): string =>
  isLarge(community) ? 'bgp_large_community' : 'bgp_community';

function communityCondition(communities: readonly Community[]): string {
  const sets = [communities.filter((each) => !isLarge(each)), communities.filter(isLarge)];
  const conditions = sets.flatMap((set) =>
    set[0] === undefined ? [] : [`${attribute(set[0])} ~ [ ${set.map(tuple).join(', ')} ]`],
  );
  return conditions.length === 1 ? conditions.join('') : `(${conditions.join(' || ')})`;
}

/** Says that its node's BIRD is away: a mark among nodes alone. */
const LLGR_STALE = '[ (65535, 6) ]';

export type ExportContext = { readonly family: Family; readonly isReflector: boolean };

/** `export …;` of a channel. */
export function exportFilter(
  exports: SessionExports,
  { family, isReflector }: ExportContext,
): readonly string[] {
  const digit = FAMILY_DIGIT[family];
  const own = `proto = "own${digit}"`;
  if (exports.kind === 'node') {
    const learned = `source = RTS_BGP && net ~ SUBNETS${digit}`;
    return [`export where ${isReflector ? `${own} || (${learned})` : own};`];
  }
  const passedOn = `(proto ~ "node${digit}_*" && net ~ SUBNETS${digit})`;
  const told = [
    ...(exports.announcePods ? [own, ...(isReflector ? [passedOn] : [])] : []),
    ...(exports.announceServices ? [`proto = "services${digit}"`] : []),
  ];
  if (told.length === 0) return ['export none;'];
  return [
    'export filter {',
    `  if ! (${told.join(' || ')}) then reject;`,
    ...(exports.announcePods && isReflector ? [`  bgp_community.delete(${LLGR_STALE});`] : []),
    ...exports.communities.map((each) => `  ${attribute(each)}.add(${tuple(each)});`),
    ...exports.rules.map((rule) => `  ${ruleText(rule)}`),
    ...(exports.rules.some(isUnconditional) ? [] : ['  accept;']),
    '};',
  ];
}

const isUnconditional = ({ match, communities }: BgpRule): boolean =>
  match === undefined && communities.length === 0;
