// What docs/etcd.md types as an operator of etcd, on a lab's: the configuration, a reservation, and
// the word that a machine is gone for good.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { labEtcdUrl } from '../../src/lab/etcd.ts';
import { commandOf } from '../unit/docs/pages.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import { keysOf } from './lab-etcd.ts';

/** Anywhere else etcd is at an address that ETCDCTL_ENDPOINTS names as well. */
function type({ directory }: TestLab, command: string): string {
  const env = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: labEtcdUrl(directory) };
  return execFileSync('sh', ['-ec', command], { env, encoding: 'utf8' });
}

test('what docs/etcd.md says of etcdctl, as it is typed', async () => {
  await withLab({ datastore: 'etcd', nodeCount: 2, podsPerNode: 1 }, async (lab) => {
    assert.match(type(lab, commandOf('docs/etcd.md', 'etcdctl put /coreos.com/net')), /^OK/);
    await lab.untilStatus('node1', 'goes by it', ({ config }) => config.problems.length === 0);
    await lab.mustReach();
    const reserve = commandOf('docs/etcd.md', 'etcdctl put /coreos.com/network/subnets/');
    assert.match(type(lab, reserve), /^OK/);
    assert.equal((await keysOf(lab, 'none', '10.244.8.0/24')).length, 1);

    const [subnet = ''] = (await lab.status('node2')).lease.subnets;
    assert.notDeepEqual(await keysOf(lab, 'node2', subnet), []);
    await lab.endAgent('node2', 'SIGKILL');
    const revoke = commandOf('docs/etcd.md', 'etcdctl lease revoke ');
    assert.match(type(lab, revoke.replaceAll('NAME', 'node2')), /revoked/);
    assert.deepEqual(await keysOf(lab, 'node2', subnet), []);
  });
});
