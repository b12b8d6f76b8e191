// The etcd source against a real etcd, by the suites that every source must pass.

import { after, before, describe } from 'node:test';
import { sourceConformance } from '../../conformance/source.ts';
import { leaseConformance } from '../../conformance/source-leases.ts';
import { sourceWorld } from './conformance-world.ts';
import { leaseWorld } from './lease-world.ts';
import { EtcdServer } from './server.ts';

describe('etcd', () => {
  let server: EtcdServer;
  before(async () => {
    server = await EtcdServer.start();
  });
  after(() => server.dispose());

  sourceConformance('etcd', () => sourceWorld(server));
  leaseConformance('etcd', () => leaseWorld(server));
});
