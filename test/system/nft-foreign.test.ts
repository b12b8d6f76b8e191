// Firewalls of others on a node, made by the programs themselves: what they drop is found and is
// really dropped, `ForwardRules: insert` opens exactly that, and leaves nothing behind. Needs root.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { findForeignDrops } from '../../src/desired/foreign-drops.ts';
import { forwardInsertText } from '../../src/desired/nft-forward.ts';
import type { RulesetChain } from '../../src/desired/nft-ruleset.ts';
import { parseRuleset } from '../../src/desired/nft-ruleset.ts';
import { renderNftTable } from '../../src/desired/nft-table.ts';
import type { RunCommand } from '../../src/kernel/foreign-firewall.ts';
import { loadForeignText, readRuleset } from '../../src/kernel/foreign-firewall.ts';
import { cidr, configFrom, DUAL_STACK } from '../fake/config-from.ts';
import type { Lab } from './nft-lab.ts';
import { ADDRESSES as A, createLab } from './nft-lab.ts';

const OWN = configFrom(DUAL_STACK);
const INSERT = configFrom({ ...DUAL_STACK, ForwardRules: 'insert' });

/** As dockerd leaves the chain. */
const DOCKER = [
  'iptables -P FORWARD DROP',
  'iptables -N DOCKER-USER',
  'iptables -A DOCKER-USER -j RETURN',
  'iptables -A FORWARD -j DOCKER-USER',
  'iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
  'ip6tables -A FORWARD -m limit --limit 3/min -j LOG',
  'ip6tables -A FORWARD -j REJECT --reject-with icmp6-adm-prohibited',
];

/** As firewalld writes its table. */
const FIREWALLD = `
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 type addr-unreachable
    jump filter_FORWARD_ZONES
    ct state { invalid } drop
    reject with icmpx type admin-prohibited
  }
  chain filter_FORWARD_ZONES { iifname "docker0" accept; goto filter_FWD_public; }
  chain filter_FWD_public { meta l4proto { icmp, ipv6-icmp } accept; }
}`;

describe('firewalls of others', () => {
  let lab: Lab;
  const load = (text: string): string => lab.run('node', 'nft -f -', text);
  const runOnNode: RunCommand = async (command, { stdin = '' }) => ({
    exitCode: 0,
    stdout: lab.run('node', command.join(' '), stdin),
    stderr: '',
  });
  const chains = async (): Promise<readonly RulesetChain[]> =>
    parseRuleset(await readRuleset(runOnNode));
  const found = async (): Promise<readonly string[]> =>
    findForeignDrops(OWN, await chains()).map(({ table, chain, rule, network, flows }) =>
      [table, chain, rule.replace(/ \(handle \d+\)/, ''), network, flows.length].join(' | '),
    );
  const insert = async (config: Config): Promise<string> => {
    const text = forwardInsertText(config, await chains());
    await loadForeignText(runOnNode, text);
    return text;
  };
  /** Asks again for what should be heard and was not in a moment. */
  const assertReach = async (expected: readonly (string | null)[]): Promise<void> => {
    const asked = [
      [lab.probes.pod, A.pod4, A.remotePod4],
      [lab.probes.pod, A.pod6, A.remotePod6],
      [lab.probes.ext, A.client4, A.pod4],
    ] as const;
    const seen = await Promise.all(
      asked.map(([probe, from, to], index) =>
        expected[index] === null ? probe.ask(from, to) : probe.hear(from, to),
      ),
    );
    assert.deepEqual(seen, expected);
  };

  const ALL_SEEN = [A.pod4, A.pod6, A.client4];

  before(async () => {
    lab = await createLab();
    const ownSubnets = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map((text) => cidr(text));
    load(renderNftTable({ config: OWN, ownSubnets }).text);
  });
  after(() => lab.close());

  test('where there are none, nothing is found and nothing inserted', async () => {
    await assertReach(ALL_SEEN);
    assert.deepEqual(await found(), []);
    assert.equal(await insert(INSERT), '');
  });

  test('Docker’s drops stop packets although our table accepts them, and are found', async () => {
    for (const command of DOCKER) lab.run('node', command);
    await assertReach([null, null, null]);
    assert.deepEqual(await found(), [
      'ip filter | FORWARD | policy drop | 10.244.0.0/16 | 3',
      'ip6 filter | FORWARD | rule reject | fd00:10:244::/48 | 3',
    ]);
  });

  test('insert lets packets pass again, once, and is no finding', async () => {
    assert.notEqual(await insert(INSERT), '');
    await assertReach(ALL_SEEN);
    assert.deepEqual(await found(), []);
    assert.equal(await insert(INSERT), '');
  });

  test('iptables still understands its table, and its rewrite loses nothing', async () => {
    const saved = lab.run('node', 'iptables-save -t filter');
    assert.match(saved, /-A FORWARD -s 10\.244\.0\.0\/16 .*--comment "poplin forward" -j ACCEPT/);
    lab.run('node', 'iptables-restore', saved);
    assert.equal(await insert(INSERT), '');
    await assertReach(ALL_SEEN);
    lab.run('node', 'iptables -D FORWARD 1');
    lab.run('node', 'iptables -D FORWARD 1');
    assert.match(await insert(INSERT), /^insert rule ip filter FORWARD ip saddr .*\n.*\n$/);
  });

  test('ForwardRules own takes out what was inserted and nothing else', async () => {
    assert.match(await insert(OWN), /^(delete rule ip6? filter FORWARD handle \d+\n){4}$/);
    await assertReach([null, null, null]);
    assert.equal(await insert(OWN), '');
    assert.equal(lab.run('node', 'iptables -S FORWARD').trim().split('\n').length, 4);
    lab.run('node', 'nft delete table ip filter');
    lab.run('node', 'nft delete table ip6 filter');
  });

  test('firewalld’s reject is found, with the command that helps', async () => {
    load(FIREWALLD);
    await assertReach([null, null, null]);
    assert.deepEqual(await found(), [
      'inet firewalld | filter_FORWARD | rule reject | 10.244.0.0/16 | 3',
      'inet firewalld | filter_FORWARD | rule reject | fd00:10:244::/48 | 3',
    ]);
    const [first] = findForeignDrops(OWN, await chains());
    assert.match(first?.message ?? '', /--zone=trusted --add-source=10\.244\.0\.0\/16/);
    load('insert rule inet firewalld filter_FORWARD_ZONES ip saddr 10.244.0.0/16 accept');
    load('insert rule inet firewalld filter_FORWARD_ZONES ip daddr 10.244.0.0/16 accept');
    assert.deepEqual(await found(), [
      'inet firewalld | filter_FORWARD | rule reject | fd00:10:244::/48 | 3',
    ]);
    await assertReach([A.pod4, null, A.client4]);
  });
});
