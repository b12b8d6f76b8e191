// The backend changes again and again, with nodes that see it seconds apart, agents that die in the
// middle, and nodes that miss changes: not one packet between pods is lost.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import type { TestLab } from '../lab/lab.ts';
import { withLab } from '../lab/lab.ts';
import { assertNothingLost, whileProbing } from '../lab/probing.ts';
import { reportOf } from '../lab/switching.ts';

const ROUNDS = 20;
const DELAY_MS = 5_000;

type Series = {
  readonly what: string;
  readonly underlay: 'flat' | 'routed';
  readonly families: readonly Family[];
  readonly there: string;
  readonly back: string;
};

const SERIES: readonly Series[] = [
  ...(['ipv4', 'ipv6'] as const).map((family) => ({
    ...{ what: `host-gw, ${family}`, underlay: 'flat' as const, families: [family] },
    ...{ there: 'host-gw', back: 'vxlan' },
  })),
  {
    ...{ what: 'host-gw, dual stack', underlay: 'flat', families: ['ipv4', 'ipv6'] },
    ...{ there: 'host-gw', back: 'vxlan' },
  },
  {
    ...{ what: 'auto', underlay: 'flat', families: ['ipv4', 'ipv6'] },
    ...{ there: 'auto', back: 'vxlan' },
  },
  {
    ...{ what: 'VNI, Port and MTU', underlay: 'flat', families: ['ipv4', 'ipv6'] },
    ...{ there: 'vxlan --set VNI=9 --set Port=4789 --set MTU=1400', back: 'vxlan' },
  },
  {
    ...{ what: 'DirectRouting', underlay: 'routed', families: ['ipv4', 'ipv6'] },
    ...{ there: 'vxlan --set DirectRouting=true', back: 'vxlan' },
  },
  {
    ...{ what: 'auto, routed', underlay: 'routed', families: ['ipv4'] },
    ...{ there: 'auto', back: 'vxlan' },
  },
];

for (const { what, underlay, families, there, back } of SERIES) {
  test(`${what}: ${ROUNDS} times each way, nodes up to ${DELAY_MS} ms apart`, async (t) => {
    await withLab({ underlay, families }, async (lab) => {
      const moved: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const type of [there, back]) {
          const report = await reportOf(lab, `${type} --delay-ms ${DELAY_MS}`);
          assert.equal(report.lost, 0);
          moved.push(report.movedMs ?? Number.POSITIVE_INFINITY);
        }
      }
      tell(t, moved);
    });
  });
}

function tell(t: TestContext, movedMs: readonly number[]): void {
  const sorted = [...movedMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]?.toFixed(0);
  t.diagnostic(`${sorted.length} switches, moved after ${median} ms (median)`);
}

const edit = async (lab: TestLab, type: string): Promise<void> => {
  const now = JSON.parse(await lab.datastore.netConfText()) as object;
  await lab.datastore.putNetConf(JSON.stringify({ ...now, Backend: { Type: type } }));
};

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

const allMoved = (lab: TestLab, type: string): Promise<void> =>
  lab.settled(({ peers }) => peers.every(({ used }) => used === type), 60_000);

test('an agent that is killed and started again in the middle of each switch', async () => {
  await withLab({}, async (lab) => {
    const result = await whileProbing(lab, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const type = round % 2 === 0 ? 'host-gw' : 'vxlan';
        await edit(lab, type);
        await pause((round * 13) % 250);
        await lab.endAgent('node2', 'SIGKILL');
        await pause((round * 29) % 400);
        lab.startAgent('node2');
        await allMoved(lab, type);
      }
    });
    assertNothingLost(result);
  });
});

test('an agent that is away for two changes: the packets of its node count', async () => {
  await withLab({}, async (lab) => {
    const result = await whileProbing(lab, async () => {
      await lab.endAgent('node2', 'SIGKILL');
      await edit(lab, 'host-gw');
      await pause(8_000);
      await lab.edit({ Backend: { Type: 'vxlan', VNI: 77 } }).catch(() => undefined);
      lab.startAgent('node2');
      await allMoved(lab, 'vxlan');
      await lab.mustReach();
    });
    assertNothingLost(result);
  });
});
