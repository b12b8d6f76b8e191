// What goes wrong with etcd: it forgets its history while much happens, restarts, freezes, loses
// its data, renews nothing, or is there for others only. Nothing is missed, nothing is used twice.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Scene } from './scene.ts';
import { EtcdServer } from './server.ts';

/** Those above are for others, whom the tests play. */
const SMALL = { Network: '10.244.0.0/18', SubnetMax: '10.244.50.0' };

describe('etcd, when it fails', () => {
  let server: EtcdServer;
  let scene: Scene;
  beforeEach(async () => {
    server = await EtcdServer.start();
    scene = new Scene(server);
    await scene.ready;
  });
  afterEach(async () => {
    await scene.end();
    await server.dispose();
  });

  test('compactions under load lose no change', async () => {
    const { operator } = scene;
    const node = scene.open('follower');
    await node.until('listed', () => node.cluster.nodes !== undefined);
    for (let round = 0; round < 20; round += 1) {
      const puts = Array.from({ length: 25 }, (_, index) => {
        const key = `${operator.layout.subnets}10.244.${index}.0-24`;
        const data = { VNI: 1, VtepMAC: `02:00:00:00:${(10 + round).toString(16)}:01` };
        const value = { PublicIP: '192.168.5.5', BackendType: 'vxlan', BackendData: data };
        return operator.put(key, JSON.stringify(value));
      });
      await Promise.all(puts);
      await scene.relay.close();
      await operator.put(`${operator.layout.prefix}/other`, String(round));
      await operator.compact();
      await scene.relay.open();
    }
    await node.until('the last change of all', () => {
      const nodes = [...(node.cluster.nodes?.values() ?? [])];
      const macs = new Set(nodes.map((each) => each.flannel?.vxlan[0]?.mac));
      return nodes.length === 25 && macs.size === 1 && macs.has('02:00:00:00:1d:01' as never);
    });
    const lists = node.events.filter(({ kind }) => kind === 'nodes-listed').length;
    assert.equal(lists, 1, 'a new list comes as differences');
  });

  test('a restart of etcd takes nothing from the node, and changes go on', async () => {
    const node = scene.open('a');
    node.hold(SMALL);
    const subnets = await node.untilHeld();
    const count = node.told.length;
    await server.kill();
    await node.until('a problem', () => node.source.health().problem !== undefined);
    await server.start();
    await scene.operator.occupy('b', ['10.244.60.0/24']);
    await node.until('b', () => node.cluster.nodes?.get('b')?.subnets.length === 1);
    assert.deepEqual(node.subnets, subnets);
    assert.equal(
      node.told.slice(count).every(({ kind }) => kind === 'held'),
      true,
    );
  });

  test('an etcd that lost all its data gets the claim again', async () => {
    const node = scene.open('a');
    node.hold(SMALL);
    const subnets = await node.untilHeld();
    // More revisions than the new one will have for a while.
    for (let each = 0; each < 20; each += 1) await scene.operator.put('/other', String(each));
    await server.kill();
    server.wipe();
    await server.start();
    await node.until('claimed again', async () => {
      return (await scene.operator.leaseOf('a')) !== undefined;
    });
    await node.until('held', () => node.subnets.join() === subnets.join());
  });

  test('a frozen etcd is found out, and a write to it ends in time', async () => {
    const node = scene.open('a', {
      timing: { callTimeoutMs: 300, pingIntervalMs: 5_000, pingTimeoutMs: 5_000 },
    });
    node.hold(SMALL);
    await node.untilHeld();
    server.freeze();
    const frozenMs = performance.now();
    await node.until('a problem', () => /no answer/.test(node.source.health().problem ?? ''));
    const foundMs = performance.now() - frozenMs;
    await assert.rejects(node.publish(), /no answer/);
    server.thaw();
    await scene.operator.occupy('b', ['10.244.60.0/24']);
    await node.until('b', () => node.cluster.nodes?.get('b')?.subnets.length === 1);
    await node.until('healthy', () => /no key/.test(node.source.health().problem ?? ''));
    await node.publish();
    assert.ok(foundMs < 60_000, `found after ${foundMs} ms`);
  });

  test('who cannot renew stops before anybody else can have the subnet', async () => {
    const lease = { leaseSeconds: 8, renewMarginSeconds: 4 };
    const node = scene.open('a', { lease });
    node.hold(SMALL);
    const [subnet = ''] = await node.untilHeld();
    await scene.relay.close();
    await node.until('the end', () => node.subnets.length === 0);
    const endedMs = performance.now();
    assert.match(node.reason, new RegExp(`the right to ${subnet} has ended: .*no answer`));
    assert.notEqual(await scene.operator.leaseOf('a'), undefined, 'etcd still has the key');
    await node.until('the keys are gone', async () => {
      return (await scene.operator.leaseOf('a')) === undefined;
    });
    const marginMs = performance.now() - endedMs;
    assert.ok(marginMs > 500, `only ${marginMs} ms between the end and the next owner`);
    await scene.operator.occupy('thief', [subnet]);
    await scene.relay.open();
    await node.until('another subnet', () => node.subnets.length > 0);
    assert.notDeepEqual(node.subnets, [subnet]);
    assert.equal(
      node.told.some((holding) => 'reason' in holding && /thief/.test(holding.reason)),
      true,
    );
  });

  test('a renewal moves the end, and a lease that is revoked is replaced', async () => {
    const node = scene.open('a', { lease: { leaseSeconds: 4, renewMarginSeconds: 2 } });
    node.hold(SMALL);
    const subnets = await node.untilHeld();
    const firstEnd = node.endMs;
    await node.until('a later end', () => node.endMs > firstEnd + 1_000);
    const before = await scene.operator.leaseOf('a');
    await scene.operator.revoke('a');
    await node.until('another lease', async () => {
      const lease = await scene.operator.leaseOf('a');
      return lease !== undefined && lease !== before;
    });
    await node.until('held', () => node.subnets.join() === subnets.join());
  });
});
