// Who has a right to a subnet, through restarts of Nodes, lost answers and an API that refuses:
// what the conformance suite cannot say of every datastore.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { LEASES } from '../../../../src/lab/api/kinds.ts';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { KubernetesApiError } from '../../../../src/source/kubernetes/api-error.ts';
import { cidr } from '../../../fake/config-from.ts';
import { refusal } from '../../../fake/followed-api.ts';
import { plainClient, portOf, until } from '../../../fake/kubernetes-api.ts';
import type { Held } from '../../../fake/kubernetes-leases.ts';
import { LeaseApi } from '../../../fake/kubernetes-leases.ts';

const PATIENCE_MS = 20_000;
const DUAL = {
  ...{ Network: '10.244.0.0/22', SubnetSource: 'lease' },
  ...{ EnableIPv6: true, IPv6Network: 'fd00::/62' },
};

type Scene = { readonly world: LeaseApi; readonly node: Held; readonly subnet: string };

async function startHeld(context: TestContext): Promise<Scene> {
  const world = await LeaseApi.start(context);
  world.addNode('self');
  const node = world.hold();
  const [subnet = ''] = await node.untilHeld();
  return { world, node, subnet };
}

const ownerOf = (world: LeaseApi, subnet: string): string | undefined =>
  world.lease(subnet)?.metadata.ownerReferences?.[0]?.uid;

describe('a Lease', () => {
  test('names the machine and belongs to the Node', async (context) => {
    const world = await LeaseApi.start(context);
    const uid = world.addNode('self');
    const [subnet = ''] = await world.hold().untilHeld();
    const { metadata, spec } = world.lease(subnet) ?? assert.fail();
    assert.deepEqual(spec, { holderIdentity: 'self_machine' });
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'self', uid };
    assert.deepEqual(metadata.ownerReferences, [owner]);
    assert.equal(metadata.namespace, 'poplin');
  });

  test('is never written again while all is well', async (context) => {
    const { world, node } = await startHeld(context);
    world.addLease('10.244.0.0/24');
    world.addNode('other');
    await until('the Node', () => node.cluster().nodes?.has('other') === true, PATIENCE_MS);
    const written = world.writes.filter((write) => write.includes('/leases'));
    assert.equal(written.length, 1, written.join());
  });

  test('is moved to a Node that was made again, before anybody collects it', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    const before = world.lease(subnet)?.metadata.uid;
    const count = node.told.length;
    const uid = world.replaceNode('self');
    await until('the new owner', () => ownerOf(world, subnet) === uid, PATIENCE_MS);
    assert.equal(world.lease(subnet)?.metadata.uid, before);
    assert.equal(node.told.length, count);
    await until('peers see it', () => {
      const own = node.cluster().nodes?.get('self');
      return own?.uid === uid && own.subnets.join() === subnet;
    });
  });

  test('is moved by an agent that starts after that as well', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    await node.stop();
    const uid = world.replaceNode('self');
    assert.deepEqual(await world.hold().untilHeld(), [subnet]);
    assert.equal(ownerOf(world, subnet), uid);
  });

  test('that lost its owner but names this machine is this machine’s', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    await node.stop();
    const { store } = world.api;
    const kept = world.lease(subnet) ?? assert.fail();
    const { ownerReferences: _gone, ...metadata } = kept.metadata;
    store.put(LEASES, { ...kept, metadata });
    assert.deepEqual(await world.hold().untilHeld(), [subnet]);
    assert.notEqual(ownerOf(world, subnet), undefined);
  });

  test('goes with the Node, and a machine that lives on says so', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    world.removeNode('self');
    await node.untilWords(/^none lease: there is no Node named self: the Lease of .* is gone/);
    assert.deepEqual(world.leaseNames(), []);
    world.addNode('self');
    assert.deepEqual(await node.untilHeld(), [subnet]);
  });

  test('too many of this machine are given back', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    await node.stop();
    const uid = ownerOf(world, subnet) ?? '';
    for (const each of ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24']) {
      if (each !== subnet) world.addLease(each, { name: 'self', uid });
    }
    const again = world.hold({ previous: ['10.244.2.0/24'] });
    assert.deepEqual(await again.untilHeld(), ['10.244.2.0/24']);
    await until('one', () => world.leaseNames().join() === '10.244.2.0-24', PATIENCE_MS);
  });
});

describe('an answer that got lost', () => {
  test('leaves no second Lease behind', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    const requests: string[] = [];
    const node = world.hold({ client: losingAnswers(world, requests) });
    const [subnet = ''] = await node.untilHeld();
    assert.deepEqual(world.leaseNames(), [subnet.replace('/', '-')]);
    // It is in doubt like any other claim: the record was read again after it.
    const claim = requests.findIndex((request) => request.startsWith('POST /apis'));
    assert.ok(requests.slice(claim).includes(RECORD_READ), requests.join());
  });
});

const RECORD_READ = 'GET /api/v1/namespaces/poplin/configmaps/poplin-subnet-source';

/** A client whose claims reach the server, while the first two answers do not come back. */
function losingAnswers(world: LeaseApi, requests: string[]): KubernetesApi {
  const client = plainClient(portOf(world.api));
  const call = client.call.bind(client);
  let lost = 0;
  client.call = async (request, stop) => {
    requests.push(`${request.method} ${request.path}`);
    const answer = call(request, stop);
    if (request.method !== 'POST' || !request.path.endsWith('/leases') || lost >= 2) return answer;
    lost += 1;
    await answer.catch(() => undefined);
    throw new KubernetesApiError('POST leases', 'the request failed', {});
  };
  return client;
}

describe('an API that refuses for a while', () => {
  for (const [code, retryAfterSeconds] of [
    [401, undefined],
    [403, undefined],
    [409, undefined],
    [429, 0],
    [500, undefined],
    [504, undefined],
  ] as const) {
    test(`with ${code} is named, and asked again`, async (context) => {
      const world = await LeaseApi.start(context);
      world.addNode('self');
      const restore = world.api.faults.add({
        matches: ({ method, path }) => method === 'POST' && !path.includes('/events'),
        effect: { kind: 'refuse', refusal: refusal(code, retryAfterSeconds) },
      });
      const node = world.hold();
      if (code === 409) await until('tries', () => world.writes.length > 3, PATIENCE_MS);
      else await node.untilWords(new RegExp(`^none .*${code} .*as the test wants it`));
      if (code !== 409) assert.match(node.source.health().problem ?? '', new RegExp(`${code}`));
      restore();
      await node.untilHeld();
      assert.equal(world.leaseNames().length, 1);
      await until('no problem but the missing configuration', () =>
        /poplin-config does not exist/.test(node.source.health().problem ?? ''),
      );
    });
  }

  test('takes nothing from who has a subnet, whatever it refuses', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    const count = node.told.length;
    const restore = world.api.faults.add({
      matches: () => true,
      effect: { kind: 'refuse', refusal: refusal(401) },
    });
    world.api.hub.drop({ midLine: false });
    await until('named', () => /401/.test(node.source.health().problem ?? ''), PATIENCE_MS);
    restore();
    await until('well', () => !/401/.test(node.source.health().problem ?? ''), PATIENCE_MS);
    assert.equal(node.told.length, count);
    assert.deepEqual(world.leaseNames(), [subnet.replace('/', '-')]);
  });

  test('to claim again what was revoked takes it from use', async (context) => {
    const { world, node, subnet } = await startHeld(context);
    const restore = world.api.faults.add({
      matches: ({ method }) => method === 'POST',
      effect: { kind: 'refuse', refusal: refusal(500) },
    });
    world.removeLease(subnet);
    await node.untilWords(/^none lease: the Lease of .* is gone and could not be claimed again/);
    restore();
    assert.deepEqual(await node.untilHeld(), [subnet]);
  });
});

describe('two families', () => {
  test('of which one has nothing left take nothing from a node that has the other', async (context) => {
    const world = await LeaseApi.start(context);
    const uid = world.addNode('self');
    world.addLease('10.244.2.0/24', { name: 'self', uid });
    for (const group of [1, 2, 3]) world.addLease(`fd00:0:0:${group}::/64`);
    const node = world.hold({ keys: DUAL });
    assert.deepEqual(await node.untilHeld(), ['10.244.2.0/24']);
    assert.match(node.words(), /no free subnet: all 3 of \/64 from fd00:0:0:1:: to fd00:0:0:3::/);
    world.removeLease('fd00:0:0:3::/64');
    await until('both', async () => (await node.untilHeld()).length === 2, PATIENCE_MS);
    assert.deepEqual(await node.untilHeld(), ['10.244.2.0/24', 'fd00:0:0:3::/64']);
  });
});

describe('nodes of Flannel', () => {
  const FLANNEL = {
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/backend-type': 'host-gw',
    'flannel.alpha.coreos.com/public-ip': '192.168.0.9',
  };

  test('keep their podCIDRs, which nobody claims', async (context) => {
    const world = await LeaseApi.start(context);
    world.addNode('self');
    world.addNode('f', ['10.244.2.0/23'], FLANNEL);
    const node = world.hold({ previous: ['10.244.3.0/24'] });
    assert.deepEqual(await node.untilHeld(), ['10.244.1.0/24']);
    await until('the node', () => node.cluster().nodes?.has('f') === true);
    const peer = node.cluster().nodes?.get('f');
    assert.deepEqual(peer?.subnets, [cidr('10.244.2.0/23')]);
    assert.equal(peer?.flannel?.backendType, 'host-gw');
  });
});
