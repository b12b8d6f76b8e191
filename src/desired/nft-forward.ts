// Accepts for forwarded packets of pods, in both directions. Our own table has none: an accept is
// final for its table only, cannot undo a drop in another one, and would cost every packet a walk.
// Where Docker or ufw drop by default, `ForwardRules: insert` puts two accepts in front of their
// rules, in the chains FORWARD of `ip filter` and `ip6 filter`: the only foreign ones touched.
// They are recognised by their comment, and after a rewrite by iptables-save | iptables-restore
// (which turns nft's comments into iptables' own kind) by their form.

import type { Config } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { NFT_NAME } from '../net/family.ts';
import type { RulesetChain, RulesetRule } from './nft-ruleset.ts';
import { acceptedPrefix, hasXtComment } from './nft-ruleset.ts';

const INSERT_COMMENT = 'poplin forward';

type Side = 'saddr' | 'daddr';
const SIDES: readonly Side[] = ['saddr', 'daddr'];

/**
 * nft text that brings the foreign chains to what the configuration says, '' when they are there
 * already. With `ForwardRules: own` it takes out what an earlier `insert` left.
 */
export function forwardInsertText(config: Config, chains: readonly RulesetChain[]): string {
  return chains
    .flatMap((chain) => {
      const family = familyOfForwardChain(chain);
      return family === undefined ? [] : changesOf(config, family, chain);
    })
    .map((line) => `${line}\n`)
    .join('');
}

function familyOfForwardChain(chain: RulesetChain): Family | undefined {
  if (chain.table !== 'filter' || chain.name !== 'FORWARD') return undefined;
  if (chain.family === 'ip') return 'ipv4';
  return chain.family === 'ip6' ? 'ipv6' : undefined;
}

function changesOf(config: Config, family: Family, chain: RulesetChain): readonly string[] {
  const place = `${chain.family} ${chain.table} ${chain.name}`;
  const kept = new Set<RulesetRule>();
  const inserts: string[] = [];
  for (const wanted of wantedRules(config, family)) {
    const existing = chain.rules.find((rule) => isInserted(rule, wanted));
    if (existing !== undefined) kept.add(existing);
    else inserts.push(`insert rule ${place} ${wanted.text}`);
  }
  const stale = chain.rules.filter((rule) => rule.comment === INSERT_COMMENT && !kept.has(rule));
  return [...stale.map((rule) => `delete rule ${place} handle ${rule.handle}`), ...inserts];
}

type InsertedRule = { readonly side: Side; readonly network: Cidr; readonly text: string };

/** With a counter, since iptables gives every rule one. */
const wantedRules = (config: Config, family: Family): readonly InsertedRule[] =>
  config.families
    .filter((conf) => config.forwardRules === 'insert' && conf.family === family)
    .flatMap(({ network }) =>
      SIDES.map((side) => {
        const match = `${NFT_NAME[family]} ${side} ${network}`;
        return { side, network, text: `${match} counter accept comment "${INSERT_COMMENT}"` };
      }),
    );

function isInserted(rule: RulesetRule, { side, network }: InsertedRule): boolean {
  if (rule.comment !== INSERT_COMMENT && !hasXtComment(rule)) return false;
  const accepted = acceptedPrefix(rule);
  return accepted?.side === side && accepted.prefix === network;
}
