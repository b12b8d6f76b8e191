// The etcd source against a newer etcd than the machine's own, by the suites that every source must
// pass. scripts/test-long.sh fetches it.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { sourceConformance } from '../conformance/source.ts';
import { leaseConformance } from '../conformance/source-leases.ts';
import { sourceWorld } from '../system/etcd/conformance-world.ts';
import { leaseWorld } from '../system/etcd/lease-world.ts';
import { EtcdServer, newerEtcd } from '../system/etcd/server.ts';

describe('etcd 3.5', () => {
  let server: EtcdServer;
  before(async () => {
    const binary = newerEtcd();
    assert.ok(binary !== undefined, 'scripts/test-long.sh has not found an etcd 3.5');
    server = await EtcdServer.start({ binary });
  });
  after(() => server?.dispose());

  sourceConformance('etcd 3.5', () => sourceWorld(server));
  leaseConformance('etcd 3.5', () => leaseWorld(server));
});
