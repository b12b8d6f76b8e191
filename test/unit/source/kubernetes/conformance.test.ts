// The Kubernetes source against the embedded API, by the suite that every source must pass.

import type { ApiServer } from '../../../../src/lab/api/server.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import { REFLECTOR_TIMING } from '../../../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../../../src/source/kubernetes/source.ts';
import type { SourceWorld } from '../../../conformance/source.ts';
import { sourceConformance } from '../../../conformance/source.ts';
import { counted } from '../../../fake/counted-api.ts';
import { plainClient, portOf, startTestApi } from '../../../fake/kubernetes-api.ts';
import { nodeOperator } from '../../../fake/kubernetes-operator.ts';

const OWN_NAME = 'self';

async function createWorld(): Promise<SourceWorld> {
  const api = await startTestApi();
  const { api: client, writes } = counted(plainClient(portOf(api)));
  const source = new KubernetesSource({
    client,
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    nodeName: OWN_NAME,
    pageSize: 2,
    timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
  });
  const operator = nodeOperator(api.store);
  return { source, ownName: OWN_NAME, writes, ...operator, ...outages(api) };
}

function outages(api: ApiServer) {
  const whileAway = async (meanwhile: () => Promise<void>): Promise<void> => {
    const restore = api.faults.add({ matches: () => true, effect: { kind: 'hang-up' } });
    api.hub.drop({ midLine: false });
    await meanwhile();
    restore();
  };
  return {
    cut: async () => api.hub.drop({ midLine: true }),
    outage: whileAway,
    forgetHistory: (meanwhile: () => Promise<void>) =>
      whileAway(async () => {
        await meanwhile();
        api.store.compact();
      }),
    dispose: () => api.stop(),
  };
}

sourceConformance('kubernetes', createWorld);
