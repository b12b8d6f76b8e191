// The MTU that running pods send by follows the paths: down before a smaller path is used, up when
// nobody needs the smaller one any more, and with the underlay.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';

/** IPv4's and ICMP's. */
const PING_HEADER_BYTES = 28;

const routeMtu = (lab: TestLab, pod: string): number =>
  Number(/mtu (\d+)/.exec(lab.run(pod, 'ip route show default'))?.[1] ?? 0);

const linkMtu = (lab: TestLab, place: string, link: string): number =>
  Number(/mtu (\d+)/.exec(lab.run(place, `ip link show ${link}`))?.[1] ?? 0);

async function untilMtu(lab: TestLab, pods: readonly string[], wanted: number): Promise<void> {
  for (const pod of pods) {
    await until(`${pod} sends ${wanted} bytes`, () => routeMtu(lab, pod) === wanted);
  }
}

test('running pods send less by vxlan and more by host-gw, and nothing is lost', async () => {
  await withLab({ backend: 'host-gw' }, async (lab) => {
    const pods = lab.plan.pods.map(({ name }) => name);
    await untilMtu(lab, pods, 1500);
    const result = await whileProbing(lab, async () => {
      await lab.edit({ Backend: { Type: 'vxlan' } });
      await untilMtu(lab, pods, 1450);
      await lab.settled(({ peers }) => peers.every(({ used }) => used === 'vxlan'));
      await lab.mustReach();
      await lab.edit({ Backend: { Type: 'host-gw' } });
      await untilMtu(lab, pods, 1500);
      await lab.mustReach();
    });
    assertNothingLost(result);
  });
});

test('the underlay of one node gets another MTU: its pods follow, its peers send no more', async () => {
  await withLab({}, async (lab) => {
    const [small, ...others] = lab.plan.nodes.map(({ name }) => name);
    assert.ok(small !== undefined);
    const podsOf = (node: string): string[] =>
      lab.plan.pods.flatMap((pod) => (pod.node === node ? [pod.name] : []));
    lab.run(small, 'ip link set eth0 mtu 1400');
    await untilMtu(lab, podsOf(small), 1350);
    // It is lowered last.
    await until('its device is as small', () => linkMtu(lab, small, 'poplin4-1') === 1350);
    for (const pod of podsOf(small)) assert.equal(linkMtu(lab, pod, 'eth0'), 1500);
    for (const node of others) {
      await until(`${node} sends no more than ${small} takes`, () =>
        lab.run(node, 'ip route show proto 113').includes('mtu 1350'),
      );
    }
    // Whoever sends more is told at once, by his own node, how much the path takes.
    const [from] = podsOf(others[0] ?? '');
    const [to] = podsOf(small);
    assert.ok(from !== undefined && to !== undefined);
    const ping = (bytes: number): string =>
      lab.run(from, `ping -c 1 -W 10 -M do -s ${bytes - PING_HEADER_BYTES} ${lab.podAddress(to)}`);
    assert.throws(() => ping(1351), /Command failed/);
    assert.match(ping(1350), /1 received/);
    lab.run(small, 'ip link set eth0 mtu 1500');
    await untilMtu(lab, podsOf(small), 1450);
    for (const node of others) {
      await until(
        `${node} sends as much as before`,
        () => !lab.run(node, 'ip route show proto 113').includes('mtu'),
      );
    }
    // What it was told then it believes for ten minutes (net.ipv4.route.mtu_expires).
    lab.run(from, 'ip route flush cache');
    await lab.mustReach();
  });
});
