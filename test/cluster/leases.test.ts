// Subnets claimed by Leases in a real kube-apiserver, whose controller-manager removes what belongs
// to a deleted Node, by the suite that every source must pass.

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { KubernetesApi } from '../../src/source/kubernetes/api.ts';
import { leaseName, parseLeaseName } from '../../src/source/kubernetes/lease-name.ts';
import { REFLECTOR_TIMING } from '../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import type { Claim, LeaseWorld } from '../conformance/source-leases.ts';
import { leaseConformance } from '../conformance/source-leases.ts';
import { cidr } from '../fake/config-from.ts';
import { Relay } from '../fake/relay.ts';
import { clientOf } from './clients.ts';
import { theCluster } from './the-cluster.ts';

const NODES = '/api/v1/nodes';
const CONFIG_MAPS = '/api/v1/namespaces/poplin/configmaps';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/poplin/leases';

type ObjectMeta = {
  readonly name: string;
  readonly uid: string;
  readonly ownerReferences?: readonly { readonly name: string }[];
};

async function createWorld(): Promise<LeaseWorld> {
  const cluster = await theCluster();
  const admin = clientOf(cluster);
  const relay = new Relay(Number(new URL(cluster.address.url).port));
  await relay.open();
  const clients: KubernetesApi[] = [admin];
  const body = { metadata: { name: 'poplin-config' }, data: { 'net-conf.json': '{}' } };
  await admin.call({ method: 'POST', path: CONFIG_MAPS, body });
  const open = async (nodeName: string): Promise<KubernetesSource> => {
    const client = clientOf(cluster, relay.port);
    clients.push(client);
    return new KubernetesSource({
      ...{ client, nodeName },
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
    });
  };
  return {
    open,
    ...operator(admin),
    outage: (meanwhile) => relay.away(meanwhile),
    pass: (delayMs) => systemClock.sleep(delayMs),
    dispose: async () => {
      for (const path of [NODES, LEASES, CONFIG_MAPS]) await admin.call({ method: 'DELETE', path });
      for (const client of clients) client.close();
      await relay.close();
    },
  };
}

function operator(admin: KubernetesApi) {
  const find = async (name: string): Promise<ObjectMeta | undefined> =>
    (await metadataOf(admin, NODES)).find((node) => node.name === name);
  const claims = async (): Promise<readonly Claim[]> =>
    (await metadataOf(admin, LEASES)).flatMap(({ name, ownerReferences = [] }) => {
      const nodeName = ownerReferences[0]?.name;
      return nodeName === undefined ? [] : [{ nodeName, subnet: parseLeaseName(name) ?? '' }];
    });
  const drop = async (subnet: string): Promise<void> => {
    await admin.call({ method: 'DELETE', path: `${LEASES}/${leaseName(cidr(subnet))}` });
  };
  const make = async (subnet: string, rest: object, holderIdentity: string): Promise<void> => {
    const metadata = { name: leaseName(cidr(subnet)), ...rest };
    const body = { metadata, spec: { holderIdentity } };
    await admin.call({ method: 'POST', path: LEASES, body });
  };
  const register = async (name: string): Promise<void> => {
    if ((await find(name)) !== undefined) return;
    await admin.call({ method: 'POST', path: NODES, body: { metadata: { name } } });
  };
  return {
    claims,
    register,
    remove: async (name: string) => {
      await admin.call({ method: 'DELETE', path: `${NODES}/${name}` });
    },
    reserve: (network: string) => make(network, {}, 'the operator'),
    unreserve: drop,
    revoke: async (nodeName: string) => {
      for (const claim of await claims()) if (claim.nodeName === nodeName) await drop(claim.subnet);
    },
    occupy: async (subnet: string, name: string) => {
      await register(name);
      const uid = (await find(name))?.uid;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
      await make(subnet, { ownerReferences }, `${name}_machine-of-${name}`);
    },
  };
}

async function metadataOf(admin: KubernetesApi, path: string): Promise<readonly ObjectMeta[]> {
  const list = await admin.call({ method: 'GET', path });
  return (list as { items: { metadata: ObjectMeta }[] }).items.map(({ metadata }) => metadata);
}

leaseConformance('kubernetes, real', createWorld);
