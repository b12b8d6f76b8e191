// The Kubernetes source against a real kube-apiserver, by the suite that every source must pass.

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { KubernetesApi } from '../../src/source/kubernetes/api.ts';
import { REFLECTOR_TIMING } from '../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import { MERGE } from '../conformance/api/case.ts';
import type { SourceWorld } from '../conformance/source.ts';
import { sourceConformance } from '../conformance/source.ts';
import { counted } from '../fake/counted-api.ts';
import { Relay } from '../fake/relay.ts';
import { clientOf } from './clients.ts';
import { theCluster } from './the-cluster.ts';

const OWN_NAME = 'self';
const NODES = '/api/v1/nodes';
const CONFIG_MAPS = '/api/v1/namespaces/poplin/configmaps';
const CONFIG = `${CONFIG_MAPS}/poplin-config`;

async function createWorld(): Promise<SourceWorld> {
  const cluster = await theCluster();
  const relay = new Relay(Number(new URL(cluster.address.url).port));
  await relay.open();
  const { api, writes } = counted(clientOf(cluster, relay.port));
  const admin = clientOf(cluster);
  const source = new KubernetesSource({
    client: api,
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    nodeName: OWN_NAME,
    pageSize: 2,
    timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
  });
  return {
    ...{ source, ownName: OWN_NAME, writes },
    ...operator(admin),
    cut: async () => relay.cut(),
    outage: (meanwhile) => relay.away(meanwhile),
    forgetHistory: (meanwhile) =>
      relay.away(async () => {
        await meanwhile();
        await cluster.compact();
        await cluster.restart();
      }),
    dispose: async () => {
      await admin.call({ method: 'DELETE', path: NODES });
      await admin.call({ method: 'DELETE', path: CONFIG_MAPS });
      for (const client of [admin, api]) client.close();
      await relay.close();
    },
  };
}

function operator(admin: KubernetesApi) {
  const exists = (path: string): Promise<boolean> =>
    admin.call({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  return {
    putNode: async ({ name, subnets, annotations = {} }: Parameters<SourceWorld['putNode']>[0]) => {
      const body = { metadata: { name, annotations }, spec: { podCIDRs: subnets } };
      await admin.call({ method: 'POST', path: NODES, body });
    },
    deleteNode: async (name: string) => {
      await admin.call({ method: 'DELETE', path: `${NODES}/${name}` });
    },
    putConfig: async (text: string) => {
      const body = { metadata: { name: 'poplin-config' }, data: { 'net-conf.json': text } };
      const patch = { method: 'PATCH', path: CONFIG, contentType: MERGE.type, body } as const;
      const create = { method: 'POST', path: CONFIG_MAPS, body } as const;
      await admin.call((await exists(CONFIG)) ? patch : create);
    },
    deleteConfig: async () => {
      await admin.call({ method: 'DELETE', path: CONFIG });
    },
    published: async (name: string) => {
      const node = await admin.call({ method: 'GET', path: `${NODES}/${name}` });
      const { metadata } = node as { metadata: { annotations?: Record<string, string> } };
      return metadata.annotations ?? {};
    },
  };
}

sourceConformance('kubernetes, real', createWorld);
