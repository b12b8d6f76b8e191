// The API refuses the agent's token for a while, as after a change of the cluster's keys: the agent
// says so, changes nothing, starts pods, and catches up when the token is taken again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, NODES } from '../../../src/lab/api/kinds.ts';
import { createObject } from '../../../src/lab/api/operations.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { REFLECTOR_TIMING } from '../../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../../src/source/kubernetes/source.ts';
import { FakeAgent } from '../../fake/agent.ts';
import { plainClient, portOf, startTestApi, until } from '../../fake/kubernetes-api.ts';

const UNTIL_MS = 30_000;

test('an API that answers 401 for a while takes nothing, and status names it', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const data = { 'net-conf.json': '{"Network":"10.244.0.0/16","SubnetSource":"podCIDR"}' };
  const configMap = { kind: CONFIG_MAPS, namespace: 'poplin', name: 'poplin-config' };
  createObject(api.store, configMap, { metadata: { name: 'poplin-config' }, data });
  const putNode = (name: string, podCIDR: string): void => {
    const spec = { podCIDR, podCIDRs: [podCIDR] };
    const status = { addresses: [{ type: 'InternalIP', address: '192.168.1.1' }] };
    createObject(api.store, { kind: NODES }, { metadata: { name }, spec, status });
  };
  putNode('self', '10.244.1.0/24');
  const source = (): KubernetesSource =>
    new KubernetesSource({
      ...{ client: plainClient(portOf(api)), clock: systemClock, log: silentLog },
      ...{ random: Math.random, nodeName: 'self' },
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
    });
  const address = '192.168.1.1' as Ip;
  await using agent = new FakeAgent({ nodeName: 'self', address, clock: systemClock, source });
  agent.start();
  await until('ready', () => agent.agent.readiness().kind === 'ready', UNTIL_MS);
  const before = agent.text();

  const refusal = { code: 401, reason: 'Unauthorized', message: 'Unauthorized' } as const;
  const restore = api.faults.add({ matches: () => true, effect: { kind: 'refuse', refusal } });
  api.hub.drop({ midLine: false });
  const says401 = (): boolean => /401/.test(agent.agent.status().source.problem ?? '');
  await until('says 401', says401, UNTIL_MS);
  assert.equal(agent.text(), before);
  assert.equal(agent.agent.readiness().kind, 'ready');

  restore();
  await until('well again', () => agent.agent.status().source.problem === undefined, UNTIL_MS);
  assert.equal(agent.text(), before);
  putNode('other', '10.244.2.0/24');
  const peers = (): number => agent.agent.status().peers.length;
  await until('the new node is seen', () => peers() === 1, UNTIL_MS);
});
