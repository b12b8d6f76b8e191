// The plan of a lab: names and addresses that `up`, `down` and `check` have to agree about.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LabPlan, LabSpec } from '../../../src/lab/plan.ts';
import {
  belongsToLab,
  isLabName,
  LAB_NAME_LENGTH_MAX,
  NODE_COUNT_MAX,
  numberOfNode,
  PODS_PER_NODE_MAX,
  planLab,
  SEGMENT_COUNT_MAX,
} from '../../../src/lab/plan.ts';
import { renderFabric, renderNode, renderOutside } from '../../../src/lab/underlay.ts';
import { contains, parseCidr } from '../../../src/net/cidr.ts';

const spec = (parts: Partial<LabSpec> = {}): LabSpec => ({
  ...{ name: 'lab', nodeCount: 3, podsPerNode: 1, backend: 'vxlan' },
  ...{ underlay: 'flat', segmentCount: 1, families: ['ipv4', 'ipv6'], mtuBytes: 1500 },
  podNetworks: ['10.244.0.0/16', 'fd00:244::/48'].flatMap((text) => parseCidr(text) ?? []),
  ...parts,
});

const namespacesOf = (plan: LabPlan): string[] =>
  [plan.fabricNetns, plan.outside.netns].concat(
    plan.nodes.map(({ netns }) => netns),
    plan.pods.map(({ netns }) => netns),
  );

const LARGEST: Partial<LabSpec> = {
  nodeCount: NODE_COUNT_MAX,
  podsPerNode: PODS_PER_NODE_MAX,
  underlay: 'routed',
  segmentCount: SEGMENT_COUNT_MAX,
};

describe('the plan of a lab', () => {
  test('gives every node addresses of its segment, and none to two', () => {
    const plan = planLab(spec(LARGEST));
    const addresses = plan.nodes.flatMap((node) => node.addresses);
    assert.equal(addresses.length, 2 * NODE_COUNT_MAX);
    const all = [...addresses, ...plan.segments.flatMap((segment) => segment.routerAddresses)];
    assert.equal(new Set(all).size, all.length);
    for (const { addresses, segment } of plan.nodes) {
      for (const [index, address] of addresses.entries()) {
        const network = segment.networks[index];
        assert.ok(network !== undefined && contains(network, address), address);
      }
    }
  });

  test('follows nodes that came and went', () => {
    const { nodes, pods } = planLab(spec({ nodeNumbers: [1, 3, 7] }));
    assert.deepEqual(
      nodes.map(({ name, addresses }) => `${name} ${addresses[0]}`),
      ['node1 192.168.100.11', 'node3 192.168.100.13', 'node7 192.168.100.17'],
    );
    assert.deepEqual(
      pods.map(({ name }) => name),
      ['node1-pod1', 'node3-pod1', 'node7-pod1'],
    );
    assert.equal(numberOfNode('node7'), 7);
    for (const name of ['node', 'node0', 'node07', 'node201', 'pod1', 'node1-pod1']) {
      assert.equal(numberOfNode(name), undefined, name);
    }
  });

  test('deals nodes to the segments of a routed underlay in turn', () => {
    const { nodes } = planLab(spec({ underlay: 'routed', segmentCount: 2, nodeCount: 4 }));
    assert.deepEqual(
      nodes.map(({ name, segment }) => `${name} ${segment.bridge}`),
      ['node1 segment0', 'node2 segment1', 'node3 segment0', 'node4 segment1'],
    );
  });

  test('names no namespace and no link twice, and links short enough for the kernel', () => {
    const plan = planLab(spec(LARGEST));
    const namespaces = namespacesOf(plan);
    assert.equal(new Set(namespaces).size, namespaces.length);
    const links = [...plan.segments.map(({ bridge }) => bridge), ...plan.nodes.map((n) => n.name)];
    assert.equal(new Set(links).size, links.length);
    // IFNAMSIZ of linux/if.h, with its NUL.
    for (const link of links) assert.ok(link.length < 16, link);
  });

  test('of one family has no address of the other', () => {
    const text = (plan: LabPlan): string =>
      [renderFabric(plan), ...plan.nodes.map((node) => renderNode(plan, node))]
        .concat([renderOutside(plan)])
        .flat()
        .join('\n');
    const withoutMacs = (words: string): string =>
      words.replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, '');
    assert.doesNotMatch(withoutMacs(text(planLab(spec({ families: ['ipv4'] })))), /:/);
    assert.doesNotMatch(text(planLab(spec({ families: ['ipv6'] }))), /\d\.\d/);
  });
});

describe('whether a namespace belongs to a lab', () => {
  test('is true for all that the plan names', () => {
    for (const netns of namespacesOf(planLab(spec(LARGEST)))) {
      assert.ok(belongsToLab('lab', netns), netns);
    }
  });

  for (const other of [
    'lab',
    'lab-',
    'labs-node1',
    'lab-node0',
    'lab-node1-pod',
    'lab-node1-pod1-x',
    'lab-node1x',
    'lab-2-node1',
    'lab-2-fabric',
    'my-lab-node1',
  ]) {
    test(`is false for ${other}`, () => {
      assert.equal(belongsToLab('lab', other), false);
    });
  }

  test('is true for at most one of two labs, also when one name begins with the other', () => {
    const labs = ['lab', 'lab-node1', 'lab-node1-pod1', 'lab-2', 'lab-fabric'];
    for (const name of labs) {
      for (const netns of namespacesOf(planLab(spec({ name })))) {
        const owners = labs.filter((lab) => belongsToLab(lab, netns));
        assert.deepEqual(owners, [name], netns);
      }
    }
  });
});

describe('the name of a lab', () => {
  for (const name of ['lab', 'a', 'my-lab-2', 'a'.repeat(LAB_NAME_LENGTH_MAX)]) {
    test(`may be "${name}"`, () => assert.ok(isLabName(name)));
  }

  for (const name of [
    '',
    '..',
    '../x',
    'a/b',
    'a/../..',
    '/',
    'Lab',
    '2lab',
    '-lab',
    'a b',
    'lab\n',
    'a'.repeat(LAB_NAME_LENGTH_MAX + 1),
  ]) {
    test(`may not be ${JSON.stringify(name)}`, () => assert.equal(isLabName(name), false));
  }
});
