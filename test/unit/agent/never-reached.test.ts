// An agent whose datastore never answers says so itself, with what its tries met, and another one
// that goes by its memory starts pods.

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

test('a datastore that never answered is named until it does, and not by who remembers', async () => {
  const closed = await startTestApi();
  const port = portOf(closed);
  await closed.stop();
  const source = (): KubernetesSource =>
    new KubernetesSource({
      ...{ client: plainClient(port), clock: systemClock, log: silentLog },
      ...{ random: Math.random, nodeName: 'self' },
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
    });
  const address = '192.168.1.1' as Ip;
  await using agent = new FakeAgent({ nodeName: 'self', address, clock: systemClock, source });
  agent.start();
  const reason = (): string => {
    const readiness = agent.agent.readiness();
    return readiness.kind === 'not-ready' ? readiness.reason : readiness.kind;
  };
  const saysNever = (): boolean =>
    /^nothing has been heard from the datastore .*: .*ECONNREFUSED/.test(reason());
  await until('says so', saysNever, UNTIL_MS);

  const api = await startTestApi({}, port);
  const data = { 'net-conf.json': '{"Network":"10.244.0.0/16","SubnetSource":"podCIDR"}' };
  const configMap = { kind: CONFIG_MAPS, namespace: 'poplin', name: 'poplin-config' };
  createObject(api.store, configMap, { metadata: { name: 'poplin-config' }, data });
  const spec = { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] };
  const status = { addresses: [{ type: 'InternalIP', address: '192.168.1.1' }] };
  createObject(api.store, { kind: NODES }, { metadata: { name: 'self' }, spec, status });
  await until('ready', () => reason() === 'ready', UNTIL_MS);
  await agent.end();
  await api.stop();

  agent.start();
  await until('ready by its memory', () => reason() === 'ready', UNTIL_MS);
});
