// Subnets claimed by Leases in the embedded API, by the suite that every source must pass.

import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLog } from '../../../../src/lib/log.ts';
import { REFLECTOR_TIMING } from '../../../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../../../src/source/kubernetes/source.ts';
import type { LeaseWorld } from '../../../conformance/source-leases.ts';
import { leaseConformance } from '../../../conformance/source-leases.ts';
import { plainClient, portOf, startTestApi } from '../../../fake/kubernetes-api.ts';
import { createConfig, leaseOperator } from '../../../fake/kubernetes-operator.ts';

async function createWorld(): Promise<LeaseWorld> {
  const api = await startTestApi();
  createConfig(api.store, '{}');
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
    ...leaseOperator(api.store),
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

leaseConformance('kubernetes', createWorld);
