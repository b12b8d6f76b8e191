// Subnets claimed by Leases in the embedded API, by the suite that every source must pass.

import { CONFIG_MAPS, LEASES, NODES } from '../../../../src/lab/api/kinds.ts';
import { createObject, deleteObject } from '../../../../src/lab/api/operations.ts';
import type { ApiServer } from '../../../../src/lab/api/server.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import { leaseName, parseLeaseName } from '../../../../src/source/kubernetes/lease-name.ts';
import { REFLECTOR_TIMING } from '../../../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../../../src/source/kubernetes/source.ts';
import type { Claim, LeaseWorld } from '../../../conformance/source-leases.ts';
import { leaseConformance } from '../../../conformance/source-leases.ts';
import { cidr } from '../../../fake/config-from.ts';
import { plainClient, portOf, startTestApi } from '../../../fake/kubernetes-api.ts';

const NAMESPACE = 'poplin';

async function createWorld(): Promise<LeaseWorld> {
  const api = await startTestApi();
  const metadata = { name: 'poplin-config' };
  createObject(
    api.store,
    { kind: CONFIG_MAPS, namespace: NAMESPACE },
    { metadata, data: { 'net-conf.json': '{}' } },
  );
  const open = async (nodeName: string): Promise<KubernetesSource> =>
    new KubernetesSource({
      client: plainClient(portOf(api)),
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      nodeName,
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
    });
  return {
    open,
    ...operator(api),
    outage: async (meanwhile) => {
      const restore = api.faults.add({ matches: () => true, effect: { kind: 'hang-up' } });
      api.hub.drop({ midLine: false });
      await meanwhile();
      restore();
    },
    pass: (delayMs) => systemClock.sleep(delayMs),
    dispose: () => api.stop(),
  };
}

function operator({ store }: ApiServer) {
  const target = { kind: LEASES, namespace: NAMESPACE };
  const claims = async (): Promise<readonly Claim[]> => {
    const entries = store.list(LEASES);
    return (entries === 'expired' ? [] : entries).flatMap(({ object }) => {
      const { name = '', ownerReferences = [] } = object.metadata;
      const nodeName = ownerReferences[0]?.name;
      return nodeName === undefined ? [] : [{ nodeName, subnet: parseLeaseName(name) ?? '' }];
    });
  };
  const drop = (subnet: string): void => {
    deleteObject(store, { ...target, name: leaseName(cidr(subnet)) });
  };
  const register = async (name: string): Promise<void> => {
    if (store.get(NODES, name) === undefined) {
      createObject(store, { kind: NODES }, { metadata: { name } });
    }
  };
  const make = (subnet: string, rest: object, spec: object): void => {
    createObject(store, target, { metadata: { name: leaseName(cidr(subnet)), ...rest }, spec });
  };
  return {
    claims,
    register,
    remove: async (name: string) => {
      deleteObject(store, { kind: NODES, name });
    },
    reserve: async (network: string) => make(network, {}, { holderIdentity: 'the operator' }),
    unreserve: async (network: string) => drop(network),
    revoke: async (nodeName: string) => {
      for (const claim of await claims()) if (claim.nodeName === nodeName) drop(claim.subnet);
    },
    occupy: async (subnet: string, name: string) => {
      await register(name);
      const uid = store.get(NODES, name)?.object.metadata.uid;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
      make(subnet, { ownerReferences }, { holderIdentity: `${name}_machine-of-${name}` });
    },
  };
}

leaseConformance('kubernetes', createWorld);
