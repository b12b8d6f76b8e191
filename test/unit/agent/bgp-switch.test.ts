// The switch to BIRD's routes and back on a whole node: what a pass does, in which order, and what
// a new agent and one that only remembers the cluster leave alone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Remembered } from '../../../src/cluster/cluster.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import type { Op } from '../../../src/state/op.ts';
import { BIRD_PROTOCOL, STANDBY_METRIC } from '../../../src/state/own.ts';
import { printOp } from '../../../src/state/print.ts';
import { birdRoute, speakerOf } from '../../fake/bird-routes.ts';
import { clusterOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { FakeNode } from '../../fake/node.ts';

const configOfType = (Type: string) => configOf({ Network: '10.244.0.0/16', Backend: { Type } });
const VXLAN = configOfType('vxlan');
const BGP = configOfType('bgp');
const FURTHER = '10.244.9.0/24';
const peer = speakerOf(2, {}, { subnets: ['10.244.2.0/24', FURTHER] as Cidr[] });
const NODES = [nodeOf(1), peer];
const LEARNED = [birdRoute('10.244.2.0/24'), birdRoute(FURTHER)];

class BirdNode extends FakeNode {
  constructor() {
    super();
    this.bird = { isConfirmed: true };
  }

  learn(routes: readonly Route[]): void {
    for (const value of routes) this.#touch({ verb: 'add', object: 'route', value });
  }

  forget(routes: readonly Route[]): void {
    for (const value of routes) this.#touch({ verb: 'remove', object: 'route', value });
  }

  /** Subnets of the peer to which routes of ours lead. */
  get own(): string[] {
    return [...this.state().routes.values()].flatMap(({ destination, table, via }) =>
      table === 254 && via.kind === 'nexthop' ? [destination] : [],
    );
  }

  get copies(): Route[] {
    return [...this.state().routes.values()].filter(({ metric }) => metric === STANDBY_METRIC);
  }

  get learned(): string[] {
    return [...this.namespace.routes.values()].flatMap(({ destination, protocol }) =>
      protocol === BIRD_PROTOCOL ? [destination] : [],
    );
  }

  #touch(op: Op): void {
    assert.deepEqual(this.kernel.touch([op]), []);
  }
}

const SUBNETS = ['10.244.2.0/24', FURTHER];

async function settled(node: BirdNode, config: typeof BGP): Promise<void> {
  assert.deepEqual(await node.converge(config, NODES), []);
}

describe('a node with BIRD', () => {
  test('gives its routes up in one step each, and puts them back with what they need', async () => {
    using node = new BirdNode();
    await settled(node, VXLAN);
    node.learn(LEARNED);
    await settled(node, VXLAN);
    assert.deepEqual(node.own, SUBNETS);

    await settled(node, BGP);
    assert.deepEqual(node.own, []);
    assert.deepEqual(node.learned, SUBNETS);

    node.forget(LEARNED);
    const { ops } = await node.pass(BGP, NODES);
    assert.deepEqual(node.own, SUBNETS);
    const kinds = ops.map(({ verb, object }) => `${verb} ${object}`);
    assert.deepEqual(kinds.slice(0, 5), [
      'add fdb',
      'add neighbour',
      'add nexthop',
      'add route',
      'add route',
    ]);
  });

  test('takes no route away before the probe, nor what the kernel has no route of BIRD for', async () => {
    using node = new BirdNode();
    await settled(node, VXLAN);
    node.verdicts = new Map();
    node.learn(LEARNED);
    for (let count = 0; count < 3; count += 1) await node.pass(BGP, NODES);
    assert.deepEqual(node.own, SUBNETS);
    node.forget([birdRoute(FURTHER)]);
    node.verdicts = { get: () => 'answers', has: () => true };
    await settled(node, BGP);
    assert.deepEqual(node.own, SUBNETS);
  });

  test('never touches a route of BIRD, whatever becomes of peers and types', async () => {
    using node = new BirdNode();
    node.learn([...LEARNED, birdRoute('10.244.77.0/24'), birdRoute('172.30.0.0/16')]);
    const before = node.learned;
    const seen: Op[] = [];
    node.kernel.afterOp = (op) => seen.push(op);
    for (const type of ['bgp', 'vxlan', 'host-gw', 'auto', 'bgp']) {
      await settled(node, configOfType(type));
      await node.converge(configOfType(type), [nodeOf(1)]);
    }
    assert.deepEqual(node.learned, before);
    const touched = seen.filter((op) => op.object === 'route' && op.value.protocol !== 113);
    assert.deepEqual(touched.map(printOp), []);
    assert.ok(seen.length > 0);
  });

  test('a new agent leaves the peers to BIRD, also one that only remembers them', async () => {
    using node = new BirdNode();
    node.learn(LEARNED);
    await settled(node, BGP);
    node.restart();
    node.bird = undefined;
    node.verdicts = new Map();
    const silent = nodeOf(2, { subnets: peer.subnets });
    const remembered: Remembered = { ...clusterOf([nodeOf(1), silent]), kind: 'remembered' };
    for (const cluster of [remembered, clusterOf([nodeOf(1), silent])]) {
      const { ops } = await node.passBy(BGP, cluster);
      assert.deepEqual(ops.map(printOp), []);
      assert.deepEqual(node.own, []);
    }
    // The copies of BIRD's routes lead on; without those, memory is good enough to add one.
    node.verdicts = { get: () => 'silent', has: () => true };
    node.forget(LEARNED);
    await node.passBy(BGP, remembered);
    assert.deepEqual([node.own, node.copies.length], [[], 2]);
    node.forget(node.copies);
    await node.passBy(BGP, remembered);
    assert.deepEqual(node.own, SUBNETS);
  });

  test('leaves BIRD by VXLAN without a moment between, when the type changes', async () => {
    using node = new BirdNode();
    node.learn(LEARNED);
    node.verdicts = new Map();
    await settled(node, BGP);
    await settled(node, VXLAN);
    assert.deepEqual(node.own, []);
    node.verdicts = { get: () => 'answers', has: () => true };
    const { ops } = await node.pass(VXLAN, NODES);
    const removal = ops.findIndex(({ verb }) => verb === 'remove');
    const added = ops.findLastIndex(({ verb, object }) => verb === 'add' && object === 'route');
    assert.ok(added >= 0 && (removal < 0 || added < removal), ops.map(printOp).join('\n'));
    assert.deepEqual(node.own, SUBNETS);
  });
});
