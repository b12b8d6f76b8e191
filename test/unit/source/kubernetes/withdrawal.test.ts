// What a node takes back of the Kubernetes API: its annotations, its condition and the Leases of
// its machine, and nothing that is somebody else's.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ApiServer } from '../../../../src/lab/api/server.ts';
import type { Cidr } from '../../../../src/net/cidr.ts';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { leasesPath } from '../../../../src/source/kubernetes/lease-calls.ts';
import { newLease } from '../../../../src/source/kubernetes/lease-record.ts';
import { KubernetesWithdrawal } from '../../../../src/source/kubernetes/withdrawal.ts';
import { plainClient, portOf, startTestApi } from '../../../fake/kubernetes-api.ts';

const NODES = '/api/v1/nodes';
const stop = new AbortController().signal;
const OWN = { 'poplin.dev/advert': '{}', 'flannel.alpha.coreos.com/backend-type': 'vxlan' };
const OTHERS = { 'example.com/mine': 'stays', 'flannel.alpha.coreos.com/public-ip-overwrite': 'x' };
const ours = { type: 'NetworkUnavailable', status: 'False', reason: 'PoplinIsUp' };
const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady' };

let server: ApiServer;
let client: KubernetesApi;
before(async () => {
  server = await startTestApi();
  client = plainClient(portOf(server));
});
after(async () => {
  client.close();
  await server.stop();
});
beforeEach(async () => {
  await client.call({ method: 'DELETE', path: NODES });
  await client.call({ method: 'DELETE', path: leasesPath('poplin') });
});

const withdrawal = (): KubernetesWithdrawal =>
  new KubernetesWithdrawal({ client, namespace: 'poplin', nodeName: 'node1', machine: 'm1' });

async function createNode(
  annotations: object,
  conditions: readonly object[],
  name = 'node1',
): Promise<string> {
  const body = { metadata: { name, annotations }, status: { conditions } };
  const made = await client.call({ method: 'POST', path: NODES, body });
  return (made as { metadata: { uid: string } }).metadata.uid;
}

async function claim(
  subnet: string,
  claimant: { nodeName: string; machine: string; nodeUid: string },
): Promise<void> {
  const body = newLease({ subnet: subnet as Cidr, isFurther: false }, claimant);
  await client.call({ method: 'POST', path: leasesPath('poplin'), body });
}

async function removeAll(): Promise<string[]> {
  const traces = [...(await withdrawal().adverts(stop)), ...(await withdrawal().claims(stop))];
  for (const trace of traces) await trace.remove(stop);
  return traces.map(({ what }) => what);
}

type NodeAnswer = {
  metadata: { annotations?: object };
  status: { conditions?: { type: string }[] };
};
const readNode = async (): Promise<NodeAnswer> =>
  (await client.call({ method: 'GET', path: `${NODES}/node1` })) as NodeAnswer;

describe('a node takes back', () => {
  test('its annotations and its condition, and leaves others', async () => {
    await createNode({ ...OWN, ...OTHERS }, [ours, ready]);
    const names = Object.keys(OWN).join(', ');
    assert.deepEqual(await removeAll(), [
      `annotations ${names} of Node node1`,
      'condition NetworkUnavailable of Node node1',
    ]);
    const { metadata, status } = await readNode();
    assert.deepEqual(metadata.annotations, OTHERS);
    assert.deepEqual(
      status.conditions?.map(({ type }) => type),
      ['Ready'],
    );
    assert.deepEqual(await removeAll(), []);
  });

  test('what it said of its health, as annotation and condition', async () => {
    const said = { type: 'PoplinReady', status: 'True', reason: 'NetworkWorks' };
    await createNode({ 'poplin.dev/status': '{}', ...OTHERS }, [said, ready]);
    assert.deepEqual(await removeAll(), [
      'annotation poplin.dev/status and condition PoplinReady of Node node1',
    ]);
    const { metadata, status } = await readNode();
    assert.deepEqual(metadata.annotations, OTHERS);
    assert.deepEqual(
      status.conditions?.map(({ type }) => type),
      ['Ready'],
    );
  });

  test("neither Flannel's annotations without ours, nor another network's condition", async () => {
    const flannel = { 'flannel.alpha.coreos.com/backend-type': 'vxlan' };
    await createNode(flannel, [{ ...ours, reason: 'FlannelIsUp' }]);
    assert.deepEqual(await removeAll(), []);
  });

  test('the Leases of its machine alone', async () => {
    const nodeUid = await createNode({}, []);
    await claim('10.244.1.0/24', { nodeUid, nodeName: 'node1', machine: 'm1' });
    await claim('10.244.2.0/24', { nodeUid, nodeName: 'node1', machine: 'another' });
    const otherUid = await createNode({}, [], 'node2');
    await claim('10.244.3.0/24', { nodeUid: otherUid, nodeName: 'node2', machine: 'm1' });
    assert.deepEqual(await removeAll(), ['Lease poplin/10.244.1.0-24']);
    const answer = await client.call({ method: 'GET', path: leasesPath('poplin') });
    const { items } = answer as { items: { metadata: { name: string } }[] };
    const names = items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ['10.244.2.0-24', '10.244.3.0-24']);
  });

  test('nothing where there is no Node any more', async () => {
    assert.deepEqual(await removeAll(), []);
  });
});
