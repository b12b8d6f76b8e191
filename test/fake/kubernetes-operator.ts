// What an operator does to the store of the embedded API, for the worlds of the conformance suites:
// Nodes, the configuration, Leases. Past the API's own clients, so that these are counted alone.

import { CONFIG_MAPS, LEASES, NODES } from '../../src/lab/api/kinds.ts';
import { createObject, deleteObject, patchObject } from '../../src/lab/api/operations.ts';
import { mergePatch } from '../../src/lab/api/patch.ts';
import type { Store } from '../../src/lab/api/store.ts';
import { leaseName, parseLeaseName } from '../../src/source/kubernetes/lease-name.ts';
import type { SourceWorld } from '../conformance/source.ts';
import type { Claim } from '../conformance/source-leases.ts';
import { cidr } from './config-from.ts';

const NAMESPACE = 'poplin';
const CONFIG = { kind: CONFIG_MAPS, namespace: NAMESPACE, name: 'poplin-config' };

export function nodeOperator(store: Store) {
  return {
    putNode: async ({ name, subnets, annotations }: Parameters<SourceWorld['putNode']>[0]) => {
      const metadata = { name, ...(annotations === undefined ? {} : { annotations }) };
      createObject(store, { kind: NODES }, { metadata, spec: { podCIDRs: subnets } });
    },
    deleteNode: async (name: string) => {
      deleteObject(store, { kind: NODES, name });
    },
    putConfig: async (text: string) => {
      const data = { 'net-conf.json': text };
      if (store.get(CONFIG_MAPS, 'poplin/poplin-config') === undefined) {
        createConfig(store, text);
      } else {
        patchObject(store, CONFIG, (current) => mergePatch(current, { data }));
      }
    },
    deleteConfig: async () => {
      deleteObject(store, CONFIG);
    },
    published: async (name: string) => store.get(NODES, name)?.object.metadata.annotations ?? {},
  };
}

export function leaseOperator(store: Store) {
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

export function createConfig(store: Store, text: string): void {
  const data = { 'net-conf.json': text };
  createObject(store, CONFIG, { metadata: { name: CONFIG.name }, data });
}
