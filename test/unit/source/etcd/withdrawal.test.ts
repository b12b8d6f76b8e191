// What a node takes back of etcd's keys: its own, as they are, and nobody else's.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { renderAdvert } from '../../../../src/cluster/advert.ts';
import type { Cidr } from '../../../../src/net/cidr.ts';
import { NO_LEASE } from '../../../../src/source/etcd/api.ts';
import { renderHolder } from '../../../../src/source/etcd/holder.ts';
import { keyLayout } from '../../../../src/source/etcd/keys.ts';
import { EtcdWithdrawal } from '../../../../src/source/etcd/withdrawal.ts';
import { advertOf } from '../../../fake/cluster.ts';
import { EtcdKeys } from '../../../fake/etcd-keys.ts';

const layout = keyLayout();
const MACHINE = 'machine-1';
const stop = new AbortController().signal;
const SUBNETS = ['10.244.1.0-24', '10.244.9.0-24'] as const;
let keys = new EtcdKeys();

beforeEach(() => {
  keys = new EtcdKeys();
  const holder = { machine: MACHINE, subnets: cidrs('10.244.1.0/24'), addresses: [] };
  const further = cidrs('10.244.9.0/24');
  keys.put(`${layout.holders}node1`, renderHolder({ ...holder, further }), '7');
  keys.put(`${layout.adverts}node1`, renderAdvert(advertOf(1, { machine: MACHINE })), '7');
  for (const name of SUBNETS) keys.put(layout.subnets + name, '{}', '7');
  keys.put(`${layout.subnets}10.244.2.0-24`, '{}', '8');
});

const cidrs = (...texts: readonly string[]): Cidr[] => texts as Cidr[];
const withdrawal = (machine = MACHINE) =>
  new EtcdWithdrawal({ api: keys, prefix: layout.prefix, nodeName: 'node1', machine });

async function removeAll(machine = MACHINE): Promise<string[]> {
  const from = withdrawal(machine);
  const traces = [...(await from.adverts(stop)), ...(await from.claims(stop))];
  for (const trace of traces) await trace.remove(stop);
  return traces.map(({ what }) => what);
}

describe('a node takes back', () => {
  test('its advert, its holder key and all its subnets, with the lease', async () => {
    assert.deepEqual(await removeAll(), [
      `etcd key ${layout.adverts}node1`,
      `etcd keys ${SUBNETS.map((name) => layout.subnets + name).join(', ')}, ${layout.holders}node1`,
    ]);
    for (const name of SUBNETS) assert.equal(keys.get(layout.subnets + name), undefined);
    assert.ok(keys.get(`${layout.subnets}10.244.2.0-24`) !== undefined);
    assert.deepEqual(keys.revoked, ['7']);
    assert.deepEqual(await removeAll(), []);
  });

  test('nothing of another machine of its name', async () => {
    assert.deepEqual(await removeAll('another'), []);
    assert.ok(keys.get(`${layout.holders}node1`) !== undefined);
  });

  test('no subnet that somebody else has written since', async () => {
    keys.put(layout.subnets + SUBNETS[0], '{}', NO_LEASE);
    await removeAll();
    assert.ok(keys.get(layout.subnets + SUBNETS[0]) !== undefined);
    assert.equal(keys.get(layout.subnets + SUBNETS[1]), undefined);
  });

  test('nothing that was written after it looked', async () => {
    const [trace] = await withdrawal().claims(stop);
    keys.put(`${layout.holders}node1`, '{}', '9');
    await assert.rejects(trace?.remove(stop) ?? assert.fail(), /somebody has written there/);
    assert.deepEqual(keys.revoked, []);
  });
});
