// The backend changes live, by an edit of the ConfigMap: every pair reaches each other afterwards,
// and of the old backend nothing is left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';

const NETWORK = { Network: '10.244.0.0/16' };

async function switchTo(lab: TestLab, type: 'vxlan' | 'host-gw', rest = {}): Promise<number> {
  const startedMs = performance.now();
  await lab.edit({ Backend: { Type: type, ...rest } });
  await lab.settled(({ peers }) => peers.every(({ used }) => used === type));
  return performance.now() - startedMs;
}

const vxlanLinks = (lab: TestLab, node: string): string[] =>
  lab.run(node, 'ip -o link show type vxlan').match(/poplin[46]-\w+/g) ?? [];

async function untilDevices(lab: TestLab, wanted: readonly string[]): Promise<void> {
  for (const { name } of lab.plan.nodes) {
    await until(`${name} has ${wanted.join(', ') || 'no VXLAN device'}`, () => {
      const found = vxlanLinks(lab, name).sort();
      return found.length === wanted.length && found.every((link, index) => link === wanted[index]);
    });
  }
}

test('from vxlan to host-gw and back: the device goes and comes', async (t) => {
  await withLab({}, async (lab) => {
    await untilDevices(lab, ['poplin4-1']);
    let [there, back] = [0, 0];
    const result = await whileProbing(lab, async () => {
      there = await switchTo(lab, 'host-gw');
      await lab.mustReach();
      await untilDevices(lab, []);
      back = await switchTo(lab, 'vxlan');
      await lab.mustReach();
    });
    await untilDevices(lab, ['poplin4-1']);
    t.diagnostic(`to host-gw ${there.toFixed(0)} ms, back ${back.toFixed(0)} ms`);
    assertNothingLost(result);
  });
});

/** Each from the one before it. */
const CHANGES = {
  flat: [
    { Type: 'host-gw' },
    { Type: 'auto' },
    { Type: 'vxlan' },
    { Type: 'vxlan', VNI: 42 },
    { Type: 'vxlan', VNI: 42, Port: 4789, GBP: true },
    { Type: 'vxlan', VNI: 42, Port: 4789, GBP: true, MTU: 1400 },
    { Type: 'vxlan', DirectRouting: true },
    { Type: 'vxlan' },
  ],
  routed: [
    { Type: 'vxlan', DirectRouting: true },
    { Type: 'auto' },
    { Type: 'vxlan', VNI: 42, DirectRouting: true },
    { Type: 'vxlan' },
  ],
} as const;

const FAMILY_CHOICES = [['ipv4'], ['ipv6'], ['ipv4', 'ipv6']] as const satisfies Family[][];

for (const underlay of ['flat', 'routed'] as const) {
  for (const families of FAMILY_CHOICES) {
    test(`each change of the backend, ${underlay}, ${families.join(' and ')}`, async (t) => {
      await withLab({ underlay, families, backend: 'vxlan' }, async (lab) => {
        const result = await whileProbing(lab, async () => {
          for (const Backend of CHANGES[underlay]) {
            await lab.edit({ Backend });
            await lab.settled(({ peers }) => peers.every(({ waitsFor }) => waitsFor === undefined));
            await lab.mustReach();
          }
        });
        const sent = result.pairs.reduce((sum, pair) => sum + pair.sent, 0);
        const lost = result.pairs.reduce((sum, pair) => sum + pair.lost, 0);
        t.diagnostic(`${CHANGES[underlay].length} changes, ${lost} of ${sent} packets lost`);
        assertNothingLost(result);
        await untilDevices(
          lab,
          families.map((family) => (family === 'ipv4' ? 'poplin4-1' : 'poplin6-1')),
        );
        for (const { name } of lab.plan.nodes) {
          assert.deepEqual(
            (await lab.status(name)).drift.last,
            [],
            `${name}: nobody broke anything`,
          );
        }
      });
    });
  }
}

test('edits that come faster than the nodes can move lose nothing', async () => {
  await withLab({}, async (lab) => {
    const text = (type: string) => JSON.stringify({ ...NETWORK, Backend: { Type: type } });
    const result = await whileProbing(lab, async () => {
      for (let round = 0; round < 20; round += 1) {
        await lab.api.putNetConf(text(round % 2 === 0 ? 'host-gw' : 'vxlan'));
        await new Promise((resolve) => setTimeout(resolve, (round * 37) % 160));
      }
      await switchTo(lab, 'vxlan');
      await lab.mustReach();
    });
    assertNothingLost(result);
    await untilDevices(lab, ['poplin4-1']);
  });
});
