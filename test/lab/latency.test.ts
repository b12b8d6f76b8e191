// How long it takes from a change of a peer in the API to the kernel of every other node.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../src/net/ip.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { withinSomeTime } from '../system/some-time.ts';
import { KernelEvents } from './kernel-events.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

const CHANGES = 16;
const NEW_NODES = 8;
const MEDIAN_MAX_MS = 50;

/** Wall-clock time with fractions, which the kernel's stamps are compared with. */
const nowMs = (): number => performance.timeOrigin + performance.now();

const macOf = (number: number): string => `02:00:00:00:aa:${number.toString(16).padStart(2, '0')}`;

/** A peer that exists in the API only. */
const advertOf = (number: number, mac: string): string =>
  JSON.stringify({
    v: 1,
    machine: `machine-${number}`,
    underlay: [`192.168.100.${100 + number}`],
    receiveMtuBytes: 1500,
    receives: { vxlan: [{ family: 'ipv4', vni: 1, port: 8472, mac }], 'host-gw': [] },
    sends: ['vxlan'],
    config: '',
  });

/** Milliseconds from `change` to the event with these words, one for each node. */
async function measure(
  watchers: readonly KernelEvents[],
  words: readonly string[],
  change: () => Promise<void>,
): Promise<number[]> {
  const startedMs = nowMs();
  await change();
  const delays: number[] = [];
  for (const watcher of watchers) {
    const event = await until(words.join(' '), () => watcher.find(...words));
    delays.push(event.atMs - startedMs);
  }
  return delays;
}

async function createPeer(lab: TestLab, number: number): Promise<void> {
  const podCIDR = `10.244.${100 + number}.0/24`;
  await lab.api.createNode(`peer${number}`, [`192.168.100.${100 + number}` as Ip], {
    metadata: { annotations: { [ADVERT_ANNOTATION]: advertOf(number, macOf(number)) } },
    spec: { podCIDR, podCIDRs: [podCIDR] },
  });
}

/** Of peers that come and of peers that change; each try has others. */
async function delaysMs(
  lab: TestLab,
  watchers: readonly KernelEvents[],
  tries: number,
): Promise<number[]> {
  const delays: number[] = [];
  const first = tries * NEW_NODES;
  for (let number = first; number < first + NEW_NODES; number += 1) {
    const words = [`10.244.${100 + number}.0/24`, 'proto 113'];
    delays.push(...(await measure(watchers, words, () => createPeer(lab, number))));
  }
  for (let number = 0; number < CHANGES; number += 1) {
    const peer = first + (number % NEW_NODES);
    const mac = macOf(0x80 + tries * CHANGES + number);
    const annotations = { [ADVERT_ANNOTATION]: advertOf(peer, mac) };
    const change = (): Promise<void> => lab.api.annotateNode(`peer${peer}`, annotations);
    delays.push(...(await measure(watchers, [mac], change)));
  }
  return delays;
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

test('a change of a peer is in every kernel within tens of milliseconds', async (t) => {
  await withLab({ podsPerNode: 0 }, async (lab) => {
    const watchers: KernelEvents[] = [];
    let tries = 0;
    const medianMs = async (): Promise<number> => {
      const sorted = (await delaysMs(lab, watchers, tries)).toSorted((a, b) => a - b);
      tries += 1;
      assert.ok(sorted.length >= 60 && (sorted[0] ?? -1) > 0, `${sorted}`);
      const [median, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
      t.diagnostic(
        `${sorted.length} samples: median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      );
      return median;
    };
    try {
      for (const { name } of lab.plan.nodes) {
        watchers.push(await KernelEvents.start(lab, name, ['neigh', 'route']));
      }
      await withinSomeTime(MEDIAN_MAX_MS, medianMs);
    } finally {
      for (const watcher of watchers) await watcher.stop();
    }
  });
});
