// One real cluster for all worlds of a test file, with Poplin's namespace in it. Each world leaves
// it as it was; it goes when the file's tests are done.

import { after } from 'node:test';
import { clientOf } from './clients.ts';
import type { RealCluster } from './cluster.ts';
import { startCluster } from './cluster.ts';

const clusters: RealCluster[] = [];
after(() => Promise.all(clusters.map((cluster) => cluster.stop())));

export async function theCluster(): Promise<RealCluster> {
  const [running] = clusters;
  if (running !== undefined) return running;
  const cluster = await startCluster();
  clusters.push(cluster);
  const admin = clientOf(cluster);
  const body = { metadata: { name: 'poplin' } };
  await admin.call({ method: 'POST', path: '/api/v1/namespaces', body });
  admin.close();
  return cluster;
}
