// Nodes that come and go while the lab runs, that reboot while nobody answers them, and two that
// claim one address.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { namespaceNames } from '../../src/lab/netns.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import { forgetPod } from '../../src/lab/pods.ts';
import { isAlive, sendSignal } from '../../src/lab/processes.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, effects, until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { reboot } from './power.ts';
import { untilLogged } from './words.ts';

test('a node that is added is reached, and nothing is left of one that is removed', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const { name } = lab.plan.spec;
    const { executable } = buildProgram();
    // Set by somebody: else it would be that of some node's link, and change when that one goes.
    const kept = '/sys/class/net/segment0/addr_assign_type';
    assert.equal(lab.runIn(lab.plan.fabricNetns, ['cat', kept]), '3\n');
    const reports = await whilePinging(lab, async () => {
      const more = lab.withPlan(await addNode({ name, executable }, 'node3', effects));
      assert.deepEqual(
        more.plan.nodes.map((node) => node.name),
        ['node1', 'node2', 'node3'],
      );
      await more.mustReach();
      const { pairs } = await more.check();
      assert.ok(pairs.some(({ from, to }) => from === 'node3-pod1' && to === 'node1-pod1'));
      const less = lab.withPlan(await removeNode(name, 'node3', effects));
      assert.equal(namespaceNames().filter((netns) => netns.startsWith(`${name}-node3`)).length, 0);
      for (const place of ['node1', 'node2']) {
        await until(`${place} has nothing of it`, () => {
          const all = lab.run(place, 'ip route') + lab.run(place, 'bridge fdb');
          return !/10\.244\.2\.|192\.168\.100\.13/.test(all);
        });
      }
      await less.mustReach();
      const again = lab.withPlan(await addNode({ name, executable }, 'node3', effects));
      await again.mustReach();
    });
    assertNothingLost(reports);
  });
});

const remembersAll = (lab: TestLab, name: string): boolean => {
  const path = join(lab.directory.node(name).stateDir, 'cluster.json');
  const { nodes } = JSON.parse(readFileSync(path, 'utf8')) as { nodes: { advert?: object }[] };
  return nodes.length === lab.plan.nodes.length && nodes.every(({ advert }) => advert);
};

test('a node that reboots while the API is away has its network back', async () => {
  await withLab({}, async (lab) => {
    for (const name of ['node1', 'node2', 'node3']) {
      await until(`${name} remembers all`, () => remembersAll(lab, name));
    }
    const api = lab.directory.process('api') ?? assert.fail();
    sendSignal(api, 'SIGKILL');
    await until('the API ends', () => !isAlive(api));
    const others = lab.plan.pods.filter(({ node }) => node !== 'node1');
    const reports = await whilePinging(
      lab,
      async () => {
        await reboot(lab, 'node1');
        const { lease } = await lab.untilStatus(
          'node1',
          'works by its memory',
          ({ cluster, ready }) => cluster === 'remembered' && ready,
        );
        assert.deepEqual(lease.subnets, ['10.244.0.0/24']);
        await lab.attach('node1', 2);
        await lab.mustReach();
      },
      others,
    );
    assertNothingLost(reports);
    await lab.restartApi();
    // Who has tried for long waits long before the next try.
    await lab.settled(({ cluster }) => cluster === 'synced');
    await lab.mustReach();
  });
});

test('a node that gets another subnet names the pods of the old one, and starts new ones', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const old = lab.podAddress('node1-pod1');
    const { addresses } = lab.node('node1');
    await lab.api.deleteNode('node1');
    const spec = { podCIDR: '10.244.50.0/24', podCIDRs: ['10.244.50.0/24'] };
    await lab.api.createNode('node1', addresses, { spec });
    const { pods } = await lab.untilStatus(
      'node1',
      'has the new subnet',
      ({ lease, pods }) => lease.subnets.join() === '10.244.50.0/24' && pods.isolated.length === 1,
    );
    assert.match(pods.isolated[0] ?? '', new RegExp(`node1-pod1: .*${old}`));
    const routes = (): string => lab.run('node1', 'ip route show table all');
    await until('no route of the old one is left', () => !/10\.244\.0\./.test(routes()));
    await until('an Event names the pod', async () =>
      (await lab.api.events()).some(
        ({ reason, message }) => reason === 'PodsIsolated' && message?.includes('node1-pod1'),
      ),
    );
    forgetPod(lab.directory, 'node1-pod1');
    const { result } = await lab.attach('node1', 2);
    assert.match(result.ips[0]?.address ?? '', /^10\.244\.50\./);
    await lab.settled();
    await lab.mustReach();
  });
});

test('two nodes with one underlay address are named, and nothing is lost', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const reports = await whilePinging(lab, async () => {
      const { metadata } = await lab.api.readNode('node2');
      const advert = metadata?.annotations?.[ADVERT_ANNOTATION] ?? assert.fail();
      const annotations = { [ADVERT_ANNOTATION]: advert };
      const spec = { podCIDR: '10.244.77.0/24', podCIDRs: ['10.244.77.0/24'] };
      await lab.api.createNode('twin', [], { metadata: { annotations }, spec });
      const says = /192\.168\.100\.12 is also that of (node2|twin)/;
      for (const place of ['node1', 'node2']) {
        await lab.untilStatus(place, 'names both', ({ nodeProblems }) =>
          ['node2', 'twin'].every((name) => says.test(nodeProblems[name]?.join() ?? '')),
        );
      }
      await untilLogged(lab, 'node2', says);
      await lab.mustReach();
    });
    assertNothingLost(reports);
  });
});

test('an agent that restarts while the API is away changes nothing', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    for (const { name } of lab.plan.nodes) {
      await until(`${name} remembers all`, () => remembersAll(lab, name));
    }
    const api = lab.directory.process('api') ?? assert.fail();
    sendSignal(api, 'SIGKILL');
    await until('the API ends', () => !isAlive(api));
    const before = kernelTexts(lab);
    const reports = await whilePinging(lab, async () => {
      for (const { name } of lab.plan.nodes) {
        await lab.endAgent(name, 'SIGKILL');
        lab.startAgent(name);
        await lab.untilStatus(
          name,
          'works by its memory',
          ({ cluster, ready }) => cluster === 'remembered' && ready,
        );
      }
      assert.deepEqual(kernelTexts(lab), before);
      for (const { name } of lab.plan.nodes) await lab.attach(name, 2);
      await lab.mustReach();
    });
    assertNothingLost(reports);
  });
});
