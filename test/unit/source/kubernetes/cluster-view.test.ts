// Nodes and Leases put together: what peers see of each other's subnets, and when.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterEvent } from '../../../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN } from '../../../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../../../src/cluster/node.ts';
import { ClusterView } from '../../../../src/source/kubernetes/cluster-view.ts';
import { leaseName } from '../../../../src/source/kubernetes/lease-name.ts';
import type { LeaseRecord } from '../../../../src/source/kubernetes/lease-record.ts';
import { advertOf, nodeOf } from '../../../fake/cluster.ts';
import { cidr } from '../../../fake/config-from.ts';

const leaseOf = (subnet: string, ownerUid: string, holder = 'somebody'): LeaseRecord => ({
  subnet: cidr(subnet),
  ownerUid,
  holder,
});

/** Made again since, by the same machine. */
const remade = (changes: Partial<ClusterNode> = {}): ClusterNode =>
  nodeOf(2, { uid: 'uid-2-again', ...changes });

class Scene {
  readonly events: ClusterEvent[] = [];
  changes = 0;
  readonly view = new ClusterView({ nodeName: 'node-1', onChange: () => (this.changes += 1) });

  constructor() {
    this.view.tell((event) => this.events.push(event));
  }

  list(...nodes: readonly ClusterNode[]): void {
    this.view.seeNodes({ kind: 'listed', items: nodes });
  }

  listLeases(...items: readonly LeaseRecord[]): void {
    this.view.seeLeases({ kind: 'listed', items });
  }

  put(item: LeaseRecord): void {
    this.view.seeLeases({ kind: 'put', item });
  }

  gone(subnet: string): void {
    this.view.seeLeases({ kind: 'gone', name: leaseName(cidr(subnet)), uid: 'any' });
  }

  /** `node-1 10.244.1.0/24, …` as a listener has it now; undefined before the first list. */
  get seen(): string | undefined {
    const { nodes } = this.events.reduce(fold, NOTHING_KNOWN);
    if (nodes === undefined) return undefined;
    return [...nodes.values()].map(({ name, subnets }) => `${name} ${subnets.join()}`).join('; ');
  }
}

describe('nodes and their subnets', () => {
  test('are told when nothing of the answer is missing, whatever comes first', () => {
    const steps = {
      nodes: (scene: Scene) => scene.list(nodeOf(1)),
      source: (scene: Scene) => scene.view.seeSource('lease'),
      leases: (scene: Scene) => scene.listLeases(leaseOf('10.244.9.0/24', 'uid-1')),
    };
    const orders = [
      ['nodes', 'source', 'leases'],
      ['nodes', 'leases', 'source'],
      ['source', 'leases', 'nodes'],
      ['leases', 'source', 'nodes'],
    ] as const;
    for (const [first, second, third] of orders) {
      const scene = new Scene();
      steps[first](scene);
      steps[second](scene);
      assert.equal(scene.seen, undefined, `${first}, ${second}`);
      assert.equal(scene.view.isComplete, false);
      steps[third](scene);
      assert.equal(scene.seen, 'node-1 10.244.9.0/24');
      assert.equal(scene.view.isComplete, true);
    }
  });

  test('come from podCIDRs until Leases are decided on, and never wait for Leases then', () => {
    const scene = new Scene();
    scene.list(nodeOf(1));
    scene.view.seeUndecided();
    assert.equal(scene.seen, 'node-1 10.244.1.0/24');
    scene.view.seeSource('lease');
    assert.equal(scene.seen, 'node-1 10.244.1.0/24');
    scene.listLeases(leaseOf('10.244.9.0/24', 'uid-1'));
    assert.equal(scene.seen, 'node-1 10.244.9.0/24');
    scene.view.seeUndecided();
    assert.equal(scene.seen, 'node-1 10.244.9.0/24');
  });

  test('follow each Lease, by the uid of its owner', () => {
    const scene = new Scene();
    scene.list(nodeOf(1), nodeOf(2));
    scene.view.seeSource('lease');
    scene.listLeases(leaseOf('10.244.9.0/24', 'uid-1'), leaseOf('fd00:0:0:9::/64', 'uid-1'));
    assert.equal(scene.seen, 'node-1 10.244.9.0/24,fd00:0:0:9::/64; node-2 ');
    scene.put(leaseOf('10.244.7.0/24', 'uid-2'));
    scene.put(leaseOf('10.244.6.0/24', 'uid-of-an-earlier-node-1'));
    scene.put(leaseOf('10.244.5.0/24', ''));
    assert.equal(scene.seen, 'node-1 10.244.9.0/24,fd00:0:0:9::/64; node-2 10.244.7.0/24');
    scene.put(leaseOf('10.244.9.0/24', 'uid-2'));
    assert.equal(scene.seen, 'node-1 fd00:0:0:9::/64; node-2 10.244.7.0/24,10.244.9.0/24');
    scene.gone('10.244.7.0/24');
    scene.gone('10.244.5.0/24');
    assert.equal(scene.seen, 'node-1 fd00:0:0:9::/64; node-2 10.244.9.0/24');
  });

  test('have IPv4 first, in whatever order it is claimed', () => {
    const scene = new Scene();
    scene.list(nodeOf(1));
    scene.view.seeSource('lease');
    scene.listLeases(leaseOf('fd00:0:0:9::/64', 'uid-1'));
    scene.put(leaseOf('10.244.9.0/24', 'uid-1'));
    assert.equal(scene.seen, 'node-1 10.244.9.0/24,fd00:0:0:9::/64');
  });

  test('whose Lease came before the Node have it with their first word', () => {
    const scene = new Scene();
    scene.list();
    scene.view.seeSource('lease');
    scene.listLeases();
    scene.put(leaseOf('10.244.9.0/24', 'uid-1'));
    scene.view.seeNodes({ kind: 'put', item: nodeOf(1) });
    assert.equal(scene.seen, 'node-1 10.244.9.0/24');
    assert.equal(scene.events.filter(({ kind }) => kind === 'node-put').length, 1);
  });

  test('a late deletion of an earlier Node of the name takes nothing away', () => {
    const scene = new Scene();
    scene.list(nodeOf(1));
    scene.view.seeUndecided();
    scene.view.seeNodes({ kind: 'gone', name: 'node-1', uid: 'uid-before' });
    assert.equal(scene.seen, 'node-1 10.244.1.0/24');
    assert.notEqual(scene.view.own, undefined);
  });

  test('a heartbeat of a Node is no reason to think about subnets again', () => {
    const scene = new Scene();
    scene.list(nodeOf(1), nodeOf(2));
    const { changes } = scene;
    for (const number of [1, 2]) scene.view.seeNodes({ kind: 'put', item: nodeOf(number) });
    assert.equal(scene.changes, changes);
    scene.view.seeNodes({ kind: 'put', item: nodeOf(2, { subnets: [] }) });
    assert.equal(scene.changes, changes + 1);
  });
});

describe('a Node that was made again', () => {
  const NINE = '10.244.9.0/24';

  function known(): Scene {
    const scene = new Scene();
    scene.list(nodeOf(1), nodeOf(2));
    scene.view.seeSource('lease');
    scene.listLeases(leaseOf(NINE, 'uid-2', 'node-2'), leaseOf('10.244.8.0/24', 'uid-1', 'node-1'));
    assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
    return scene;
  }

  const ways = {
    'is put': (scene: Scene, node: ClusterNode) => scene.view.seeNodes({ kind: 'put', item: node }),
    'is listed': (scene: Scene, node: ClusterNode) => scene.list(nodeOf(1), node),
  };
  for (const [way, see] of Object.entries(ways)) {
    test(`and ${way} before its Leases keeps its subnet until they say otherwise`, () => {
      const scene = known();
      see(scene, remade());
      assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
      scene.put(leaseOf(NINE, 'uid-2-again', 'node-2'));
      assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
      scene.gone(NINE);
      assert.equal(scene.seen, 'node-1 10.244.8.0/24; node-2 ');
    });
  }

  test('loses the subnet when its Lease turns out to be another one', () => {
    for (const change of ['gone', 'taken', 'moved'] as const) {
      const scene = known();
      scene.view.seeNodes({ kind: 'put', item: remade() });
      if (change === 'gone') scene.gone(NINE);
      if (change === 'taken') scene.put(leaseOf(NINE, 'uid-1', 'node-1'));
      if (change === 'moved') scene.put(leaseOf('10.244.7.0/24', 'uid-2-again', 'node-2'));
      const left = change === 'moved' ? '10.244.7.0/24' : '';
      const first = change === 'taken' ? `10.244.8.0/24,${NINE}` : '10.244.8.0/24';
      assert.equal(scene.seen, `node-1 ${first}; node-2 ${left}`, change);
    }
  });

  test('by another machine has nothing of the former one', () => {
    const scene = known();
    const advert = advertOf(2, { machine: 'another machine' });
    scene.view.seeNodes({ kind: 'put', item: remade({ advert }) });
    assert.equal(scene.seen, 'node-1 10.244.8.0/24; node-2 ');
  });

  test('twice, and not seen between, keeps its subnet as well', () => {
    const scene = known();
    scene.view.seeNodes({ kind: 'put', item: remade() });
    scene.view.seeNodes({ kind: 'put', item: remade({ uid: 'uid-2-third' }) });
    assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
  });

  test('whose Leases come first keeps its subnet until the Node comes', () => {
    for (const isListed of [true, false]) {
      const scene = known();
      const lease = leaseOf(NINE, 'uid-2-again', 'node-2');
      if (isListed) scene.listLeases(lease, leaseOf('10.244.8.0/24', 'uid-1', 'node-1'));
      else scene.put(lease);
      assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
      scene.view.seeNodes({ kind: 'put', item: remade() });
      assert.equal(scene.seen, `node-1 10.244.8.0/24; node-2 ${NINE}`);
    }
  });

  test('and is gone for good is gone, whatever its Leases are', () => {
    const scene = known();
    scene.view.seeNodes({ kind: 'put', item: remade() });
    scene.view.seeNodes({ kind: 'gone', name: 'node-2', uid: 'uid-2-again' });
    assert.equal(scene.seen, 'node-1 10.244.8.0/24');
  });
});
