// The Kubernetes source as the agent sees it: events and publications.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { ClusterEvent, PartialCluster } from '../../../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN } from '../../../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../../../src/cluster/node.ts';
import { CONFIG_MAPS, NAMESPACES, NODES } from '../../../../src/lab/api/kinds.ts';
import { createObject, deleteObject, patchObject } from '../../../../src/lab/api/operations.ts';
import { mergePatch } from '../../../../src/lab/api/patch.ts';
import type { ApiServer } from '../../../../src/lab/api/server.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import { annotationsFor } from '../../../../src/source/kubernetes/publication.ts';
import { KubernetesSource } from '../../../../src/source/kubernetes/source.ts';
import type { KubernetesSourceOptions } from '../../../../src/source/kubernetes/source-options.ts';
import type { Publication } from '../../../../src/source/source.ts';
import { advertOf } from '../../../fake/cluster.ts';
import { plainClient, portOf, startTestApi, until } from '../../../fake/kubernetes-api.ts';

const NEVER = new AbortController().signal;

const publication = (config: string): Publication => ({
  advert: advertOf(1, { config }),
  backend: 'vxlan',
});

/** The annotations of such a publication that are there. */
const annotations = (config: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(annotationsFor(publication(config))).flatMap(([name, value]) =>
      value === null ? [] : [[name, value]],
    ),
  );

type World = {
  readonly api: ApiServer;
  readonly source: KubernetesSource;
  readonly events: ClusterEvent[];
  /** `METHOD path` of every request that writes. */
  readonly writes: string[];
};

async function start(
  context: TestContext,
  options: Partial<KubernetesSourceOptions> = {},
): Promise<World> {
  const api = await startTestApi();
  const writes: string[] = [];
  api.faults.add({
    matches: ({ method, path }) => {
      if (method !== 'GET') writes.push(`${method} ${path}`);
      return false;
    },
    effect: { kind: 'hang-up' },
  });
  const source = new KubernetesSource({
    client: plainClient(portOf(api)),
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
    nodeName: 'self',
    ...options,
  });
  const stop = new AbortController();
  const events: ClusterEvent[] = [];
  const running = source.run((event) => events.push(event), stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
    await api.stop();
  });
  return { api, source, events, writes };
}

const addSelf = (api: ApiServer, annotations: Record<string, string> = {}): void => {
  createObject(api.store, { kind: NODES }, { metadata: { name: 'self', annotations } });
};

const annotationsOf = (api: ApiServer): Readonly<Record<string, string>> =>
  api.store.get(NODES, 'self')?.object.metadata.annotations ?? {};

/** The own node as the source has told of it last. */
const self = ({ events }: World): ClusterNode | undefined =>
  events.reduce<PartialCluster>(fold, NOTHING_KNOWN).nodes?.get('self');

const seen = (world: World): Promise<void> =>
  until('the own node', () => self(world) !== undefined);

describe('publishing', () => {
  test('sends only what differs, and touches nothing else', async (context) => {
    const world = await start(context);
    const there = { ...annotations('a'), 'other.dev/x': 'y' };
    addSelf(world.api, there);
    await seen(world);
    await world.source.publish(publication('a'), NEVER);
    assert.deepEqual(world.writes, []);
    await world.source.publish(publication('b'), NEVER);
    assert.deepEqual(world.writes, ['PATCH /api/v1/nodes/self/status']);
    assert.deepEqual(annotationsOf(world.api), { ...there, ...annotations('b') });
  });

  test('takes back what is not true any more', async (context) => {
    const world = await start(context);
    addSelf(world.api, { 'flannel.alpha.coreos.com/public-ipv6': 'fd00::1' });
    await seen(world);
    await world.source.publish(publication('a'), NEVER);
    assert.deepEqual(annotationsOf(world.api), annotations('a'));
  });

  test('puts back what somebody else removed', async (context) => {
    const world = await start(context);
    addSelf(world.api);
    await seen(world);
    await world.source.publish(publication('a'), NEVER);
    await until('the advert', () => self(world)?.advert !== undefined);
    patchObject(world.api.store, { kind: NODES, name: 'self' }, (node) =>
      mergePatch(node, { metadata: { annotations: { 'poplin.dev/advert': null } } }),
    );
    await until('the removal', () => self(world)?.advert === undefined);
    await world.source.publish(publication('a'), NEVER);
    assert.deepEqual(annotationsOf(world.api), annotations('a'));
  });

  test('does not take a Node that is gone for one that is right', async (context) => {
    const world = await start(context);
    addSelf(world.api, annotations('a'));
    await seen(world);
    deleteObject(world.api.store, { kind: NODES, name: 'self' });
    await until('gone', () => self(world) === undefined);
    await assert.rejects(world.source.publish(publication('a'), NEVER), /not found/);
  });

  test('goes through a server that is busy for a moment', async (context) => {
    const world = await start(context);
    addSelf(world.api);
    await seen(world);
    const refusal = { code: 503, reason: 'ServiceUnavailable', message: 'busy' } as const;
    world.api.faults.add({
      matches: ({ method }) => method === 'PATCH',
      effect: { kind: 'refuse', refusal },
      times: 1,
    });
    await world.source.publish(publication('a'), NEVER);
    assert.equal(world.writes.length, 2);
  });

  test('rejects at once where a repetition is useless', async (context) => {
    const world = await start(context);
    await assert.rejects(world.source.publish(publication('a'), NEVER), {
      code: 'KUBERNETES_API',
      message: 'PATCH /api/v1/nodes/self/status: 404 NotFound: nodes "self" not found',
    });
    assert.equal(world.writes.length, 1);
  });
});

describe('the configuration', () => {
  const target = { kind: CONFIG_MAPS, namespace: 'net', name: 'conf' };
  const config = { namespace: 'net', name: 'conf', key: 'it' };

  test('is found where the options say, and what is missing is named', async (context) => {
    const { api, source, events } = await start(context, { config });
    const problem = (): string | undefined => source.health().problem;
    await until('missing', () => problem() === 'ConfigMap net/conf does not exist: waiting for it');
    createObject(api.store, { kind: NAMESPACES }, { metadata: { name: 'net' } });
    createObject(api.store, target, { metadata: { name: 'conf' }, data: { other: '1' } });
    await until('no key', () => problem() === 'ConfigMap net/conf has no key it: waiting for it');
    createObject(api.store, target, { metadata: { name: 'neighbour' }, data: { it: 'not this' } });
    patchObject(api.store, target, (current) => mergePatch(current, { data: { it: '{}' } }));
    await until('the text', () => events.at(-1)?.kind === 'config-put');
    assert.deepEqual(events.at(-1), {
      kind: 'config-put',
      config: { text: '{}', origin: 'ConfigMap net/conf, key it' },
    });
    assert.equal(problem(), undefined);
    patchObject(api.store, target, (current) => mergePatch(current, { data: { it: null } }));
    await until('gone', () => events.at(-1)?.kind === 'config-gone');
    assert.equal(problem(), 'ConfigMap net/conf has no key it: waiting for it');
  });
});

describe('a change', () => {
  test('reaches the listener without any delay of ours', async (context) => {
    const world = await start(context);
    await until('listed', () => world.api.hub.size === 3);
    const delaysMs: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const count = world.events.length;
      const startedMs = performance.now();
      createObject(world.api.store, { kind: NODES }, { metadata: { name: `n${round}` } });
      while (world.events.length === count) await systemClock.sleep(0);
      delaysMs.push(performance.now() - startedMs);
    }
    // A delay of ours would be in the shortest one too.
    const shortest = Math.min(...delaysMs);
    assert.ok(shortest < 20, `at least ${shortest} ms`);
  });
});
