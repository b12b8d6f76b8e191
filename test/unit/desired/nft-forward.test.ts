// `ForwardRules: insert`: what is put into the FORWARD chains of others, that it is put there once,
// and that it goes again.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forwardInsertText } from '../../../src/desired/nft-forward.ts';
import { parseRuleset } from '../../../src/desired/nft-ruleset.ts';
import { configFrom, DUAL_STACK } from '../../fake/config-from.ts';
import type { ChainText } from '../../fake/ruleset.ts';
import { ACCEPT, address, COUNTER, DROP, rulesetJson, XT_COMMENT } from '../../fake/ruleset.ts';

const NET = '10.244.0.0/16';
const insert = configFrom({ Network: NET, ForwardRules: 'insert' });
const own = configFrom({ Network: NET });
const dual = configFrom({ ...DUAL_STACK, ForwardRules: 'insert' });

const text = (config: typeof own, chains: readonly ChainText[]): readonly string[] =>
  forwardInsertText(config, parseRuleset(rulesetJson(chains)))
    .split('\n')
    .slice(0, -1);

const ours = (side: string, prefix: string): { comment: string; expr: readonly unknown[] } => ({
  comment: 'poplin forward',
  expr: [address(side, prefix), COUNTER, ACCEPT],
});

const chain = (rules: ChainText['rules'] = [], family = 'ip'): ChainText => ({
  ...{ table: `${family} filter`, name: 'FORWARD', policy: 'drop', rules },
});

const INSERTS = [
  `insert rule ip filter FORWARD ip saddr ${NET} counter accept comment "poplin forward"`,
  `insert rule ip filter FORWARD ip daddr ${NET} counter accept comment "poplin forward"`,
];

describe('accepts in the FORWARD chains of others', () => {
  test('nothing is done where there is no such chain', () => {
    assert.deepEqual(text(insert, [{ table: 'inet firewalld', name: 'FORWARD' }]), []);
    assert.deepEqual(text(insert, [{ table: 'ip nat', name: 'FORWARD' }]), []);
  });

  test('both are inserted into the chain of each family that is on', () => {
    assert.deepEqual(text(insert, [chain(), chain([], 'ip6')]), INSERTS);
    assert.deepEqual(text(dual, [chain(), chain([], 'ip6')]), [
      ...INSERTS,
      ...['saddr', 'daddr'].map(
        (side) =>
          `insert rule ip6 filter FORWARD ip6 ${side} fd00:10:244::/48 ` +
          'counter accept comment "poplin forward"',
      ),
    ]);
  });

  test('nothing is done when they are there', () => {
    const rules = [ours('ip daddr', NET), ours('ip saddr', NET), { expr: [DROP] }];
    assert.deepEqual(text(insert, [chain(rules)]), []);
  });

  test('nothing is done when iptables-restore has rewritten them', () => {
    const rules = ['ip saddr', 'ip daddr'].map((side) => ({
      expr: [address(side, NET), XT_COMMENT, COUNTER, ACCEPT],
    }));
    assert.deepEqual(text(insert, [chain(rules)]), []);
  });

  test('an equal accept of somebody else is not taken for ours', () => {
    const rules = ['ip saddr', 'ip daddr'].map((side) => ({
      expr: [address(side, NET), COUNTER, ACCEPT],
    }));
    assert.deepEqual(text(insert, [chain(rules)]), INSERTS);
    assert.deepEqual(text(own, [chain(rules)]), []);
  });

  test('those of another network are replaced, missing ones put back', () => {
    const rules = [{ expr: [DROP] }, ours('ip saddr', '10.9.0.0/16'), ours('ip daddr', NET)];
    assert.deepEqual(text(insert, [chain(rules)]), [
      'delete rule ip filter FORWARD handle 2',
      ...INSERTS.slice(0, 1),
    ]);
  });

  test('a second pair of the same is taken out', () => {
    const pair = [ours('ip saddr', NET), ours('ip daddr', NET)];
    assert.deepEqual(text(insert, [chain([...pair, ...pair])]), [
      'delete rule ip filter FORWARD handle 3',
      'delete rule ip filter FORWARD handle 4',
    ]);
  });

  test('ForwardRules own takes them out and leaves the rest alone', () => {
    const rules = [ours('ip saddr', NET), { expr: [DROP] }, ours('ip daddr', NET)];
    assert.deepEqual(text(own, [chain(rules), chain([], 'ip6')]), [
      'delete rule ip filter FORWARD handle 1',
      'delete rule ip filter FORWARD handle 3',
    ]);
  });

  test('so does a family that was switched off', () => {
    const rules = [ours('ip6 saddr', 'fd00:10:244::/48'), ours('ip6 daddr', 'fd00:10:244::/48')];
    assert.deepEqual(text(insert, [chain(rules, 'ip6')]), [
      'delete rule ip6 filter FORWARD handle 1',
      'delete rule ip6 filter FORWARD handle 2',
    ]);
  });
});
