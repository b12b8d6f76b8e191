// What a lab needs of the datastore that its nodes share, whatever it is: the configuration and the
// nodes' objects. ClusterApi is the one of Kubernetes, embedded or real. How the datastore is
// started and what the agents are told of it is beside this, in up.ts and agents.ts.

import { systemClock } from '../lib/clock.ts';
import type { Ip } from '../net/ip.ts';
import type { Labels } from './cluster-api.ts';
import { ClusterApi } from './cluster-api.ts';
import type { LabDirectory, LabRecord } from './lab-directory.ts';

export interface LabDatastore {
  /** What a cluster has before any agent comes. */
  createNetConf(text: string, labels: Labels): Promise<void>;
  netConfText(): Promise<string>;
  putNetConf(text: string): Promise<void>;
  /** A node's object; nothing where the datastore knows of nodes only by their leases. */
  createNode(
    name: string,
    addresses: readonly Ip[],
    rest?: { readonly metadata?: { readonly labels: Labels } },
  ): Promise<void>;
  /** The operator's word that the machine is gone. */
  deleteNode(name: string): Promise<void>;
}

export async function openDatastore(
  directory: LabDirectory,
  { kubeconfig, datastore }: Pick<LabRecord, 'kubeconfig' | 'datastore'>,
): Promise<LabDatastore> {
  if (datastore === 'etcd') {
    const { EtcdLabDatastore } = await import('./etcd.ts');
    return new EtcdLabDatastore(directory, systemClock);
  }
  return ClusterApi.open(kubeconfig === '' ? directory.kubeconfig : kubeconfig);
}
