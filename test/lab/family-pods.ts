// What the tests of changing address families ask of a lab: pods that come and go by the real
// executable, which families they have, and what is left of a family on the nodes and in the
// datastore.

import assert from 'node:assert/strict';
import type { Status } from '../../src/agent/status.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import type { PodRecord } from '../../src/lab/pods.ts';
import { addressesOf, forgetPod } from '../../src/lab/pods.ts';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES, FAMILY_LABEL } from '../../src/net/family.ts';
import { familyOf } from '../../src/net/ip.ts';
import { cni } from './cni.ts';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';
import { withOperator } from './lab-etcd.ts';

const UNTIL_MS = 120_000;

export const namesOf = ({ plan }: TestLab): string[] => plan.nodes.map(({ name }) => name);

/** The edit that leaves these families on. */
export const enabling = (...families: readonly Family[]): NetConf =>
  Object.fromEntries(
    FAMILIES.map((each) => [`Enable${FAMILY_LABEL[each]}`, families.includes(each)]),
  );

export const familiesOfPod = (pod: PodRecord): Family[] => addressesOf(pod).map(familyOf);

export const hasAll = (pod: PodRecord): boolean => familiesOfPod(pod).length === FAMILIES.length;

/** A new pod on each node, once each gives exactly these families. */
export async function attachToAll(
  lab: TestLab,
  number: number,
  families: readonly Family[],
): Promise<void> {
  for (const name of namesOf(lab)) {
    const pod = await lab.attach(name, number);
    assert.deepEqual(familiesOfPod(pod), families, `${pod.name}: ${JSON.stringify(pod.result)}`);
  }
}

export async function detach(lab: TestLab, nodeName: string, number: number): Promise<void> {
  const { name, netns } = lab.planPod(nodeName, number);
  const call = { node: nodeName, verb: 'DEL', containerId: netns, netns } as const;
  const { exitCode, json } = await cni(lab, call);
  assert.equal(exitCode, 0, JSON.stringify(json));
  forgetPod(lab.directory, name);
}

/** CHECK of the runtime, with the result that it was given by ADD. */
export async function mustBeAsAdded(lab: TestLab, podName: string): Promise<void> {
  const { node, netns, result: prevResult } = lab.pod(podName);
  const call = { node, verb: 'CHECK', containerId: netns, netns, config: { prevResult } } as const;
  const { exitCode, json } = await cni(lab, call);
  assert.equal(exitCode, 0, JSON.stringify(json));
}

export const stateOf = ({ families }: Status, family: Family): string =>
  families.find((each) => each.family === family)?.state ?? 'gone';

export const reasonOf = ({ families }: Status, family: Family): string =>
  families.find((each) => each.family === family)?.reason ?? '';

export async function untilFamily(
  lab: TestLab,
  family: Family,
  state: 'served' | 'kept' | 'gone',
): Promise<void> {
  for (const name of namesOf(lab)) {
    await lab.untilStatus(name, `${family} is ${state}`, (status) => {
      return stateOf(status, family) === state;
    });
  }
}

/** Nothing of the family is left in any kernel, nor held by any node. */
export async function untilNothingIsLeft(lab: TestLab, family: Family): Promise<void> {
  const version = family === 'ipv4' ? '4' : '6';
  for (const name of namesOf(lab)) {
    await lab.untilStatus(name, `holds no ${family}`, ({ lease, peers }) => {
      const isOther = (subnet: string): boolean => subnet.includes(':') !== (family === 'ipv6');
      return lease.subnets.every(isOther) && peers.every((peer) => peer.family !== family);
    });
    await until(
      `${name} has no ${family} routes, devices, addresses and rules`,
      () =>
        lab.run(name, `ip -${version} route show table all proto 113`) === '' &&
        !lab.run(name, 'ip link show type vxlan').includes(`poplin${version}-`) &&
        lab.run(name, `ip -${version} address show dev lo scope global`) === '' &&
        !lab.run(name, 'nft list table inet poplin').includes(networkText[family]),
      UNTIL_MS,
    );
  }
  await until(
    `no ${family} subnet is claimed`,
    async () => (await claimedSubnets(lab)).every((each) => !each.includes(claimText[family])),
    UNTIL_MS,
  );
}

const networkText = { ipv4: '10.244.', ipv6: 'fd00:244' } as const;
const claimText = { ipv4: '10.244.', ipv6: 'fd00' } as const;

/** Names of Leases, or of keys in etcd. */
export async function claimedSubnets(lab: TestLab): Promise<string[]> {
  if (lab.directory.process('etcd') !== undefined) {
    return withOperator(lab, (operator) =>
      operator.etcd.getAll().prefix(operator.layout.subnets).keys(),
    );
  }
  const { KubeConfig, CoordinationV1Api } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(lab.directory.kubeconfig);
  const leases = config.makeApiClient(CoordinationV1Api);
  const { items } = await leases.listNamespacedLease({ namespace: 'poplin' });
  return items.map(({ metadata }) => metadata?.name ?? '');
}
