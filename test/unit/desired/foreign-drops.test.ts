// Rulesets of others, as their programs make them, and what is found in them: only what surely
// drops a pod's new connections.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findForeignDrops } from '../../../src/desired/foreign-drops.ts';
import { parseRuleset } from '../../../src/desired/nft-ruleset.ts';
import { configFrom, DUAL_STACK } from '../../fake/config-from.ts';
import type { ChainText } from '../../fake/ruleset.ts';
import {
  ACCEPT,
  address,
  COUNTER,
  DROP,
  ESTABLISHED,
  goto,
  jump,
  match,
  meta,
  REJECT,
  RETURN,
  rulesetJson,
  XT_COMMENT,
  XT_CONNTRACK,
  XT_REJECT,
} from '../../fake/ruleset.ts';

const NET = '10.244.0.0/16';
const FROM = address('ip saddr', NET);
const TO = address('ip daddr', NET);

const find = (chains: readonly ChainText[], keys: object = { Network: NET }): readonly string[] =>
  findForeignDrops(configFrom({ ...keys }), parseRuleset(rulesetJson(chains))).map(
    ({ message }) => message,
  );

const ALL = 'pod to pod, pod to outside, outside to pod';
const INSERT = 'set ForwardRules to "insert"';

const forward = (rules: readonly unknown[][], policy: 'accept' | 'drop' = 'drop'): ChainText => ({
  ...{ table: 'ip filter', name: 'FORWARD', policy },
  rules: rules.map((expr) => ({ expr })),
});

const CASES: readonly {
  readonly name: string;
  readonly chains: readonly ChainText[];
  readonly found: readonly string[];
}[] = [
  { name: 'an empty ruleset', chains: [], found: [] },
  { name: 'a FORWARD chain that accepts', chains: [forward([], 'accept')], found: [] },
  {
    name: 'Docker: policy drop after its own bridges',
    chains: [
      forward([
        [COUNTER, jump('DOCKER-USER')],
        [XT_CONNTRACK, COUNTER, ACCEPT],
        [meta('iifname', 'docker0'), meta('oifname', 'docker0', '!='), COUNTER, ACCEPT],
      ]),
      { table: 'ip filter', name: 'DOCKER-USER', rules: [{ expr: [COUNTER, RETURN] }] },
    ],
    found: [`table ip filter, chain FORWARD: policy drop stops packets ${ALL}; ${INSERT}`],
  },
  {
    name: 'Docker with our two accepts in front',
    chains: [forward([[FROM, COUNTER, ACCEPT], [TO, COUNTER, ACCEPT], [jump('DOCKER-USER')]])],
    found: [],
  },
  {
    name: 'only one of the two accepts',
    chains: [forward([[FROM, COUNTER, ACCEPT]])],
    found: [`table ip filter, chain FORWARD: policy drop stops packets outside to pod; ${INSERT}`],
  },
  {
    name: 'our accepts after a rewrite by iptables-restore',
    chains: [
      forward([
        [FROM, XT_COMMENT, COUNTER, ACCEPT],
        [TO, XT_COMMENT, COUNTER, ACCEPT],
      ]),
    ],
    found: [],
  },
  {
    name: 'accepts behind the reject',
    chains: [
      forward(
        [
          [COUNTER, XT_REJECT],
          [FROM, ACCEPT],
          [TO, ACCEPT],
        ],
        'accept',
      ),
    ],
    found: [
      `table ip filter, chain FORWARD: rule reject (handle 1) stops packets ${ALL}; ${INSERT}`,
    ],
  },
  {
    name: 'ufw',
    chains: [
      forward([
        [COUNTER, jump('ufw-before-forward')],
        [COUNTER, jump('ufw-reject-forward')],
      ]),
      { table: 'ip filter', name: 'ufw-before-forward', rules: [{ expr: [XT_CONNTRACK, ACCEPT] }] },
      { table: 'ip filter', name: 'ufw-reject-forward' },
    ],
    found: [
      `table ip filter, chain FORWARD: policy drop stops packets ${ALL}; ${INSERT}, ` +
        `or run ufw route allow from ${NET} and to it`,
    ],
  },
  {
    name: 'firewalld',
    chains: [
      {
        ...{ table: 'inet firewalld', name: 'filter_FORWARD', policy: 'accept' },
        rules: [
          { expr: [ESTABLISHED, ACCEPT] },
          { expr: [meta('iifname', 'lo'), ACCEPT] },
          { expr: [address('ip6 daddr', '::/96'), REJECT] },
          { expr: [jump('filter_FORWARD_ZONES')] },
          { expr: [REJECT] },
        ],
      },
      {
        ...{ table: 'inet firewalld', name: 'filter_FORWARD_ZONES' },
        rules: [{ expr: [goto('filter_FWD_public')] }],
      },
      { table: 'inet firewalld', name: 'filter_FWD_public' },
    ],
    found: [
      'table inet firewalld, chain filter_FORWARD: rule reject (handle 5) stops packets ' +
        `${ALL}; run firewall-cmd --permanent --zone=trusted --add-source=${NET}, then --reload`,
    ],
  },
  {
    name: 'a drop in a chain that is jumped to, with a comment',
    chains: [
      forward([[jump('first')]], 'accept'),
      { table: 'ip filter', name: 'first', rules: [{ expr: [goto('second')] }] },
      {
        ...{ table: 'ip filter', name: 'second' },
        rules: [{ comment: 'no forwarding', expr: [COUNTER, DROP] }],
      },
    ],
    found: [
      'table ip filter, chain second: rule drop "no forwarding" (handle 3) ' +
        `stops packets ${ALL}; ${INSERT}`,
    ],
  },
  {
    name: 'a return before the drop goes on to the policy',
    chains: [
      forward([[jump('first')]], 'accept'),
      { table: 'ip filter', name: 'first', rules: [{ expr: [RETURN] }, { expr: [DROP] }] },
    ],
    found: [],
  },
  {
    name: 'a goto does not come back to the rule behind it',
    chains: [
      forward([[goto('first')], [FROM, ACCEPT], [TO, ACCEPT]]),
      { table: 'ip filter', name: 'first' },
    ],
    found: [`table ip filter, chain FORWARD: policy drop stops packets ${ALL}; ${INSERT}`],
  },
  {
    name: 'chains that jump in a circle end',
    chains: [
      forward([[jump('a')]]),
      { table: 'ip filter', name: 'a', rules: [{ expr: [jump('a')] }] },
    ],
    found: [`table ip filter, chain FORWARD: policy drop stops packets ${ALL}; ${INSERT}`],
  },
  {
    name: 'drops that only may match are no findings',
    chains: [
      forward(
        [
          [match({ payload: { protocol: 'tcp', field: 'dport' } }, 80), DROP],
          [meta('iifname', 'eth0'), DROP],
          [match({ ct: { key: 'state' } }, 'invalid', 'in'), DROP],
          [address('ip saddr', '10.244.7.0/24'), DROP],
          [{ limit: { rate: 5, per: 'second' } }, DROP],
          [XT_CONNTRACK, DROP],
        ],
        'accept',
      ),
    ],
    found: [],
  },
  {
    name: 'a drop of everything but the network is one for the outside',
    chains: [forward([[address('ip saddr', NET, '!='), DROP]], 'accept')],
    found: [
      'table ip filter, chain FORWARD: rule drop (handle 1) stops packets outside to pod; ' +
        INSERT,
    ],
  },
  {
    name: 'a drop of new connections',
    chains: [forward([[match({ ct: { key: 'state' } }, 'new', 'in'), DROP]], 'accept')],
    found: [`table ip filter, chain FORWARD: rule drop (handle 1) stops packets ${ALL}; ${INSERT}`],
  },
  {
    name: 'accepts for our links',
    chains: [
      forward([
        [meta('iifname', 'poplin*'), ACCEPT],
        [meta('oifname', 'poplin*'), ACCEPT],
      ]),
    ],
    found: [],
  },
  {
    name: 'accepts in a set that holds the network',
    chains: [
      forward([
        [
          match(
            { payload: { protocol: 'ip', field: 'saddr' } },
            { set: ['192.0.2.1', { prefix: { addr: '10.0.0.0', len: 8 } }] },
          ),
          ACCEPT,
        ],
        [address('ip daddr', '10.0.0.0/8'), ACCEPT],
      ]),
    ],
    found: [],
  },
  {
    name: 'chains at other hooks and our own table do not count',
    chains: [
      { table: 'ip filter', name: 'INPUT', policy: 'drop', hook: 'input' },
      { table: 'inet poplin', name: 'anything', policy: 'drop' },
      { table: 'bridge filter', name: 'FORWARD', policy: 'drop' },
      { table: 'ip6 filter', name: 'FORWARD', policy: 'drop' },
    ],
    found: [],
  },
];

describe('drops in other tables', () => {
  for (const { name, chains, found } of CASES) {
    test(name, () => assert.deepEqual(find(chains), found));
  }

  test('are told for each family that a table concerns', () => {
    const chains: readonly ChainText[] = [
      {
        ...{ table: 'inet fence', name: 'forward', policy: 'drop' },
        rules: [{ expr: [FROM, ACCEPT] }, { expr: [TO, ACCEPT] }],
      },
      {
        ...{ table: 'inet fence6', name: 'forward', policy: 'drop' },
        rules: [{ expr: [meta('nfproto', 'ipv6'), ACCEPT] }],
      },
    ];
    assert.deepEqual(find(chains, DUAL_STACK), [
      `table inet fence6, chain forward: policy drop stops packets ${ALL}; ` +
        `accept packets from and to ${NET} in that chain`,
      `table inet fence, chain forward: policy drop stops packets ${ALL}; ` +
        'accept packets from and to fd00:10:244::/48 in that chain',
    ]);
  });

  test('a ruleset of unknown shape has none', () => {
    for (const json of [undefined, null, 'x', {}, { nftables: [{ rule: 5 }, null, 'x', {}] }]) {
      assert.deepEqual(parseRuleset(json), []);
    }
  });
});
