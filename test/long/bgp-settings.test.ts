// Settings of BGP that restart every session of a live cluster, or put reflectors in the place of
// the mesh: the routes stay meanwhile, and no packet is lost.

import { test } from 'node:test';
import { bird, untilAllBgp } from '../lab/birds.ts';
import type { TestLab } from '../lab/lab.ts';
import { withLab } from '../lab/lab.ts';
import { assertNothingLost, whileProbing } from '../lab/probing.ts';

const TIMEOUT_MS = 290_000;
const DUAL = ['ipv4', 'ipv6'] as const;

test('every session is restarted by another setting, and the mesh by reflectors', {
  timeout: TIMEOUT_MS,
}, async () => {
  await withLab({ backend: 'bgp', families: DUAL, bird }, async (lab) => {
    await untilAllBgp(lab);
    await lab.mustReach();
    await changesSessions(lab);
    await lab.mustReach();
  });
});

async function changesSessions(lab: TestLab): Promise<void> {
  const GracefulRestart = { RestartSeconds: 130 };
  const RouteReflectors = { NodeNames: ['node1'] };
  const changes = [
    { GracefulRestart },
    { GracefulRestart, FullMesh: false, RouteReflectors },
    { GracefulRestart },
  ];
  for (const BGP of changes) {
    const before = (await lab.status('node1')).bgp?.wanted;
    const result = await whileProbing(lab, async () => {
      await lab.edit({ BGP });
      await lab.untilStatus('node1', 'has another text', ({ bgp }) => bgp?.wanted !== before);
      await untilAllBgp(lab);
    });
    assertNothingLost(result);
  }
}
