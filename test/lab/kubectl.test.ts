// What an operator sees of a lab's cluster with kubectl: Nodes with their subnets, and what is
// wrong with one of them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

const kubectl = ({ directory }: TestLab, ...words: readonly string[]): string =>
  execFileSync('kubectl', ['--kubeconfig', directory.kubeconfig, ...words], { encoding: 'utf8' });

test("kubectl shows a lab's nodes, and the events of its agents", async () => {
  await withLab({}, async (lab) => {
    const nodes = kubectl(lab, 'get', 'nodes', '--no-headers').trimEnd().split('\n');
    assert.deepEqual(
      nodes.map((line) => line.split(/\s+/)[0]),
      ['node1', 'node2', 'node3'],
    );
    const subnets = kubectl(lab, 'get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}');
    assert.equal(subnets, '10.244.0.0/24 10.244.1.0/24 10.244.2.0/24');
    const patch = JSON.stringify({ data: { 'net-conf.json': '{"Netwrok":"10.244.0.0/16"}' } });
    const map = ['-n', 'poplin', 'patch', 'configmap', 'poplin-config'];
    kubectl(lab, ...map, '--type', 'merge', '-p', patch);
    const events = await until('every node tells of the bad edit', () => {
      const text = kubectl(lab, 'get', 'events', '-A');
      const lines = text.split('\n').filter((line) => line.includes('ConfigInvalid'));
      return lines.length === 3 && lines.join('\n');
    });
    for (const node of ['node1', 'node2', 'node3']) {
      assert.match(events, new RegExp(`Warning +ConfigInvalid +node/${node} .*Netwrok`));
    }
    assert.match(kubectl(lab, 'describe', 'node', 'node2'), /ConfigInvalid.*Netwrok/);
  });
});
