// The backend changes again and again, with nodes that see it seconds apart, agents that die in the
// middle, and nodes that miss changes: not one packet between pods is lost.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { SwitchReport } from '../../src/lab/switch-report.ts';
import type { Family } from '../../src/net/family.ts';
import type { TestLab } from '../lab/lab.ts';
import { until, withLab } from '../lab/lab.ts';
import { powerOff, powerOn } from '../lab/power.ts';
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

const DUAL = ['ipv4', 'ipv6'] as const;
const OTHER_VXLAN = 'vxlan --set VNI=9 --set Port=4789 --set MTU=1400';
const DIRECT = 'vxlan --set DirectRouting=true';

const series = (
  underlay: Series['underlay'],
  what: string,
  { families = DUAL, there }: { readonly families?: readonly Family[]; readonly there: string },
): Series => ({
  what: `${what}, ${underlay}, ${families.join(' and ')}`,
  ...{ underlay, families, there, back: 'vxlan' },
});

const SERIES: readonly Series[] = [
  series('flat', 'host-gw', { families: ['ipv4'], there: 'host-gw' }),
  series('flat', 'host-gw', { families: ['ipv6'], there: 'host-gw' }),
  series('flat', 'host-gw', { there: 'host-gw' }),
  series('flat', 'auto', { there: 'auto' }),
  series('flat', 'VNI, Port and MTU', { there: OTHER_VXLAN }),
  series('flat', 'DirectRouting', { there: DIRECT }),
  series('routed', 'DirectRouting', { families: ['ipv4'], there: DIRECT }),
  series('routed', 'DirectRouting', { families: ['ipv6'], there: DIRECT }),
  series('routed', 'DirectRouting', { there: DIRECT }),
  series('routed', 'VNI, Port and MTU', { families: ['ipv6'], there: OTHER_VXLAN }),
  series('routed', 'VNI, Port and MTU', { there: OTHER_VXLAN }),
  series('routed', 'auto', { families: ['ipv4'], there: 'auto' }),
  series('routed', 'auto', { there: 'auto' }),
];

for (const { what, underlay, families, there, back } of SERIES) {
  test(`${what}: ${ROUNDS} times each way, nodes up to ${DELAY_MS} ms apart`, async (t) => {
    await withLab({ underlay, families }, async (lab) => {
      const reports: SwitchReport[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const type of [there, back]) {
          const report = await reportOf(lab, `${type} --delay-ms ${DELAY_MS}`);
          assert.equal(report.lost, 0);
          reports.push(report);
        }
      }
      tell(t, reports);
    });
  });
}

function tell(t: TestContext, reports: readonly SwitchReport[]): void {
  const sorted = reports
    .map(({ movedMs }) => movedMs ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]?.toFixed(0);
  t.diagnostic(`${sorted.length} switches, moved after ${median} ms (median)`);
  tellPackets(
    t,
    reports.flatMap(({ pairs }) => pairs),
  );
}

function tellPackets(t: TestContext, pairs: SwitchReport['pairs']): void {
  const sent = pairs.reduce((sum, pair) => sum + pair.sent, 0);
  const lost = pairs.reduce((sum, pair) => sum + pair.lost, 0);
  t.diagnostic(`${lost} of ${sent} packets lost`);
}

const edit = async (lab: TestLab, type: string, rest = {}): Promise<void> => {
  const now = JSON.parse(await lab.datastore.netConfText()) as object;
  await lab.datastore.putNetConf(JSON.stringify({ ...now, Backend: { Type: type, ...rest } }));
};

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

const allMoved = (lab: TestLab, type: string): Promise<void> =>
  lab.settled(({ peers }) => peers.every(({ used }) => used === type), 60_000);

const allReach = async (lab: TestLab): Promise<boolean> =>
  (await lab.check()).pairs.every(({ ok }) => ok);

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

const AWAY = 'node2';

/** The node is gone; the packets among all others count. */
async function twoChangesWithout(lab: TestLab, t: TestContext): Promise<void> {
  const nodes = lab.plan.nodes.filter(({ name }) => name !== AWAY);
  const others = lab.withPlan({ ...lab.plan, nodes });
  const result = await whileProbing(others, async () => {
    await edit(lab, 'host-gw');
    await othersMoved(others, 'host-gw');
    await pause(8_000);
    await edit(lab, 'vxlan', { VNI: 77 });
    await othersMoved(others, 'vxlan');
    await pause(8_000);
  });
  tellPackets(t, result.pairs);
  assertNothingLost(result);
}

/** To one that is gone nobody can have moved. */
const othersMoved = (others: TestLab, type: string): Promise<void> =>
  others.settled(
    ({ peers }) => peers.every(({ peer, used }) => peer === AWAY || used === type),
    60_000,
  );

/** From the first moment in which everybody reaches everybody, nothing is lost any more. */
async function returned(
  lab: TestLab,
  t: TestContext,
  { thenStart = false }: { readonly thenStart?: boolean } = {},
): Promise<void> {
  await until('the node is reached again', () => allReach(lab), 120_000);
  const result = await whileProbing(lab, async () => {
    if (thenStart) lab.startAgent(AWAY);
    await lab.settled(
      ({ peers }) => peers.every(({ used, waitsFor }) => used === 'vxlan' && !waitsFor),
      60_000,
    );
    await pause(8_000);
    await lab.mustReach();
  });
  tellPackets(t, result.pairs);
  assertNothingLost(result);
}

for (const families of [['ipv4'], DUAL] as const satisfies readonly (readonly Family[])[]) {
  const named = families.join(' and ');

  test(`a node that is cut off for two changes, its agent as well, ${named}`, async (t) => {
    await withLab({ families }, async (lab) => {
      const cable = (state: 'up' | 'down'): string =>
        lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'set', AWAY, state]);
      await lab.endAgent(AWAY, 'SIGKILL');
      cable('down');
      await twoChangesWithout(lab, t);
      cable('up');
      // Peers have kept the path over which they could not ask: it carries again at once.
      await returned(lab, t, { thenStart: true });
    });
  });

  test(`a node that is switched off for two changes, ${named}`, async (t) => {
    await withLab({ families }, async (lab) => {
      await powerOff(lab, AWAY);
      await twoChangesWithout(lab, t);
      await powerOn(lab, AWAY);
      await lab.untilStatus(AWAY, 'is ready', ({ ready }) => ready);
      await lab.attach(AWAY, 2);
      await returned(lab, t);
    });
  });
}
