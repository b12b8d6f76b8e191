// NetworkUnavailable=False is said when, and only when, the peers are programmed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkCondition } from '../../../src/agent/network-condition.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { FakeClock } from '../../fake/clock.ts';

test('it is said once for each Node object, and until it is taken', async () => {
  const clock = new FakeClock();
  let calls = 0;
  let isAway = true;
  const setNetworkAvailable = async (): Promise<void> => {
    calls += 1;
    if (isAway) throw new Error('the API is away');
  };
  const condition = new NetworkCondition({
    source: { setNetworkAvailable },
    clock,
    log: silentLog,
  });
  const stop = new AbortController();
  const running = condition.run(stop.signal);
  await clock.advance(60_000);
  assert.equal(calls, 0);
  condition.programmed('a');
  await clock.advance(10_000);
  assert.ok(calls > 1);
  isAway = false;
  await clock.advance(29_000);
  const taken = calls;
  condition.programmed('a');
  await clock.advance(100);
  assert.equal(calls, taken);
  condition.programmed('b');
  await clock.advance(100);
  assert.equal(calls, taken + 1);
  stop.abort();
  await running;
});

test('a node whose kernel refuses something, or without a subnet, is not available yet', async () => {
  await using cluster = new FakeCluster({ Network: '10.244.0.0/16', SubnetSource: 'podCIDR' });
  const { store } = cluster;
  const agent = await cluster.add(1);
  const object = { name: 'node-1', internalIps: ['192.168.1.1'] as never[] };
  assert.equal(store.available.size, 0);
  agent.refuses = true;
  store.putNode({ ...object, podCIDRs: ['10.244.1.0/24'] as never[] });
  await cluster.settle();
  assert.equal(store.available.size, 0);
  agent.refuses = false;
  await cluster.clock.advance(60_000);
  assert.deepEqual([...store.available], ['node-1']);
  store.deleteNode('node-1');
  store.putNode({ ...object, podCIDRs: ['10.244.1.0/24'] as never[] });
  await cluster.settle();
  assert.deepEqual([...store.available], ['node-1']);
});
