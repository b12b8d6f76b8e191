// Who holds which subnet: what is bad is left out and named, and harms nobody else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { holdSubnets } from '../../../src/desired/subnets.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { configOf, nodeOf } from '../../fake/cluster.ts';

const CONFIG = configOf({ Network: '10.244.0.0/16' });
const DUAL = configOf({ Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00::/48' });

type Expected = {
  held: Readonly<Record<string, readonly string[]>>;
  problems?: Readonly<Record<string, readonly RegExp[]>>;
};

function check(nodes: readonly ClusterNode[], expected: Expected, config = CONFIG): void {
  const holding = holdSubnets(config, new Map(nodes.map((node) => [node.name, node])));
  assert.deepEqual(Object.fromEntries(holding.byNode), expected.held);
  const problems = expected.problems ?? {};
  assert.deepEqual([...holding.problems.keys()].sort(), Object.keys(problems).sort());
  for (const [name, patterns] of Object.entries(problems)) {
    const found = holding.problems.get(name) ?? [];
    assert.equal(found.length, patterns.length, found.join('\n'));
    for (const [index, pattern] of patterns.entries()) assert.match(found[index] ?? '', pattern);
  }
}

const subnets = (...texts: readonly string[]): Partial<ClusterNode> => ({
  subnets: texts as readonly Cidr[],
});

describe('subnets', () => {
  test('of nodes in order are held by them', () =>
    check([nodeOf(1), nodeOf(2)], {
      held: { 'node-1': ['10.244.1.0/24'], 'node-2': ['10.244.2.0/24'] },
    }));

  test('of two nodes with one subnet the older keeps it', () => {
    const younger = nodeOf(2, subnets('10.244.1.0/24'));
    const expected: Expected = {
      held: { 'node-1': ['10.244.1.0/24'] },
      problems: {
        'node-2': [/10\.244\.1\.0\/24 overlaps .* older node node-1: node-2 is left out/],
      },
    };
    check([nodeOf(1), younger], expected);
    check([younger, nodeOf(1)], expected);
  });

  test('of different lengths that overlap leave the younger node out, and nobody else', () =>
    check([nodeOf(1, subnets('10.244.4.0/24')), nodeOf(2, subnets('10.244.0.0/20')), nodeOf(30)], {
      held: { 'node-1': ['10.244.4.0/24'], 'node-30': ['10.244.30.0/24'] },
      problems: { 'node-2': [/10\.244\.0\.0\/20 overlaps 10\.244\.4\.0\/24/] },
    }));

  test('of one node stay in its own order, whatever overlaps elsewhere', () =>
    check(
      [
        nodeOf(1, subnets('10.244.9.0/24', '10.244.4.0/24', '10.244.7.0/24')),
        nodeOf(2, subnets('10.244.2.0/24', '10.244.4.0/24')),
      ],
      {
        held: {
          'node-1': ['10.244.9.0/24', '10.244.4.0/24', '10.244.7.0/24'],
          'node-2': ['10.244.2.0/24'],
        },
        problems: { 'node-2': [/10\.244\.4\.0\/24 overlaps/] },
      },
    ));

  test('outside of the network are named with it', () =>
    check([nodeOf(1, subnets('10.99.0.0/24')), nodeOf(2)], {
      held: { 'node-2': ['10.244.2.0/24'] },
      problems: {
        'node-1': [/subnet 10\.99\.0\.0\/24 is not inside the network 10\.244\.0\.0\/16/],
      },
    }));

  test('of a family that is switched off are left out without a word', () =>
    check([nodeOf(1, subnets('10.244.1.0/24', 'fd00:0:0:1::/64'))], {
      held: { 'node-1': ['10.244.1.0/24'] },
    }));

  test('of both families are held together', () =>
    check(
      [nodeOf(1, subnets('10.244.1.0/24', 'fd00:0:0:1::/64')), nodeOf(2)],
      { held: { 'node-1': ['10.244.1.0/24', 'fd00:0:0:1::/64'], 'node-2': ['10.244.2.0/24'] } },
      DUAL,
    ));

  test("keep what is wrong with a node's own data beside its name", () =>
    check([nodeOf(1, { problems: ['annotation x is broken'] })], {
      held: { 'node-1': ['10.244.1.0/24'] },
      problems: { 'node-1': [/annotation x is broken/] },
    }));
});
