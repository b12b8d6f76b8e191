// The filters of a peer: each rule alone, and what rules do to each other. A rule that never gets
// its turn and a filter that lets nothing through are mistakes that nobody would see in a running
// network, so they are refused here.

import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, cidrLengthBits, containsCidr, parseCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { ADDRESS_BITS, FAMILY_LABEL } from '../net/family.ts';
import type { BgpRuleConf } from './bgp-schema.ts';
import type { BgpRule } from './bgp-settings.ts';
import { parseCommunity } from './bgp-text.ts';
import type { ConfigProblem } from './config.ts';
import { problem } from './problems.ts';

type Match = NonNullable<BgpRule['match']>;

export type FilterContext = {
  /** Path of the filter: `BGP.Peers[0].ImportFilter`. */
  readonly key: string;
  /** Of the peer's address: its session carries no other. */
  readonly family: Family;
  /** What is accepted when no rule matches. */
  readonly accepted: readonly Match[];
  /** What to do instead of a filter that rejects everything. */
  readonly instead: string;
};

export const ruleOf = (conf: BgpRuleConf): BgpRule => {
  const match = matchOf(conf);
  return {
    action: conf.Action,
    ...(match === undefined ? {} : { match }),
    communities: conf.Communities.flatMap((text) => parseCommunity(text) ?? []),
    ...(conf.Preference === undefined ? {} : { localPreference: conf.Preference }),
  };
};

function matchOf({ Prefix, MinLength, MaxLength }: BgpRuleConf): Match | undefined {
  const prefix = parseCidr(Prefix ?? '');
  if (prefix === undefined) return undefined;
  const own = cidrLengthBits(prefix);
  const isExact = MinLength === undefined && MaxLength === undefined;
  const longest = isExact ? own : ADDRESS_BITS[cidrFamily(prefix)];
  return { prefix, lengthMinBits: MinLength ?? own, lengthMaxBits: MaxLength ?? longest };
}

/** Whatever is inside of a network. */
export const within = (prefix: Cidr): Match => ({
  prefix,
  lengthMinBits: cidrLengthBits(prefix),
  lengthMaxBits: ADDRESS_BITS[cidrFamily(prefix)],
});

export function filterProblems(
  rules: readonly BgpRuleConf[],
  context: FilterContext,
): readonly ConfigProblem[] {
  const problems = rules.flatMap((rule, index) =>
    ruleProblems(rule, `${context.key}[${index}]`, context),
  );
  return problems.length > 0 ? problems : togetherProblems(rules, context);
}

function ruleProblems(
  rule: BgpRuleConf,
  key: string,
  { family }: FilterContext,
): readonly ConfigProblem[] {
  const prefix = parseCidr(rule.Prefix ?? '');
  const problems = prefix === undefined ? lengthsAlone(rule, key) : lengths(rule, key, prefix);
  if (prefix !== undefined && cidrFamily(prefix) !== family) {
    const [actual, wanted] = [FAMILY_LABEL[cidrFamily(prefix)], FAMILY_LABEL[family]];
    const why = `is ${actual}, but the session with this peer carries ${wanted}, as its address is`;
    return [problem(`${key}.Prefix`, prefix, why)];
  }
  if (rule.Preference === undefined || rule.Action === 'accept') return problems;
  const why = 'belongs to rules that accept: what is rejected has none';
  return [...problems, problem(`${key}.Preference`, rule.Preference, why)];
}

const lengthsAlone = (rule: BgpRuleConf, key: string): readonly ConfigProblem[] =>
  (['MinLength', 'MaxLength'] as const).flatMap((name) =>
    rule[name] === undefined
      ? []
      : [problem(`${key}.${name}`, rule[name], 'needs a Prefix: it is for routes inside of one')],
  );

function lengths(rule: BgpRuleConf, key: string, prefix: Cidr): readonly ConfigProblem[] {
  const [own, most] = [cidrLengthBits(prefix), ADDRESS_BITS[cidrFamily(prefix)]];
  const problems = (['MinLength', 'MaxLength'] as const).flatMap((name) => {
    const value = rule[name] ?? own;
    if (value >= own && value <= most) return [];
    return [
      problem(`${key}.${name}`, value, `must be ${own} to ${most}, as it is inside ${prefix}`),
    ];
  });
  const { MinLength: min = own, MaxLength: max = most } = rule;
  if (problems.length > 0 || min <= max) return problems;
  return [problem(`${key}.MinLength`, min, `must not be above MaxLength, which is ${max}`)];
}

function togetherProblems(
  confs: readonly BgpRuleConf[],
  { key, accepted, instead }: FilterContext,
): readonly ConfigProblem[] {
  const rules = confs.map(ruleOf);
  for (const [index, rule] of rules.entries()) {
    const before = rules.slice(0, index).findIndex((earlier) => takesAllOf(earlier, rule));
    if (before < 0) continue;
    const why = `can never decide: rule ${before} takes all that it is for; put it before, or away`;
    return [problem(`${key}[${index}]`, confs[index], why)];
  }
  if (rules.length === 0 || letsThrough(rules, accepted)) return [];
  const why = `rejects everything: accept something, or ${instead}`;
  return [problem(key, confs, why)];
}

function letsThrough(rules: readonly BgpRule[], accepted: readonly Match[]): boolean {
  if (rules.some(({ action }) => action === 'accept')) return true;
  return accepted.some(
    (match) => !rules.some((rule) => takesAllOf(rule, { match, communities: [] })),
  );
}

/** Whether something inside of `network` may be taken; `isAccepted` counts where no rule does. */
export function mayTake(rules: readonly BgpRule[], network: Cidr, isAccepted: boolean): boolean {
  const all = { match: within(network), communities: [] };
  const first = rules.find((rule) =>
    rule.action === 'accept' ? isInside(rule.match, network) : takesAllOf(rule, all),
  );
  return first === undefined ? isAccepted : first.action === 'accept';
}

const isInside = (match: BgpRule['match'], network: Cidr): boolean =>
  match === undefined ||
  containsCidr(network, match.prefix) ||
  (containsCidr(match.prefix, network) && match.lengthMaxBits >= cidrLengthBits(network));

/** Whether whatever `later` matches is matched by `earlier`. */
function takesAllOf(
  earlier: Pick<BgpRule, 'match' | 'communities'>,
  later: Pick<BgpRule, 'match' | 'communities'>,
): boolean {
  const isAnyCommunity =
    earlier.communities.length === 0 ||
    (later.communities.length > 0 &&
      later.communities.every((community) => earlier.communities.includes(community)));
  if (!isAnyCommunity) return false;
  if (earlier.match === undefined) return true;
  const [wide, narrow] = [earlier.match, later.match];
  if (narrow === undefined) {
    const { prefix, lengthMinBits, lengthMaxBits } = wide;
    return cidrLengthBits(prefix) + lengthMinBits === 0 && isLongest(prefix, lengthMaxBits);
  }
  return (
    containsCidr(wide.prefix, narrow.prefix) &&
    wide.lengthMinBits <= narrow.lengthMinBits &&
    wide.lengthMaxBits >= narrow.lengthMaxBits
  );
}

const isLongest = (prefix: Cidr, lengthBits: number): boolean =>
  lengthBits === ADDRESS_BITS[cidrFamily(prefix)];
