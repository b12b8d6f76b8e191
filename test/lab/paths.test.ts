// Paths that the underlay does not let through: a firewall that eats VXLAN's port, a segment that
// drops foreign addresses. No packet is lost to a path that was never proven, the node says why,
// and goes over when the obstacle is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

/** A path that did not answer for long is tried twice a minute. */
const RETRY_MS = 120_000;

/** What a firewall of the underlay does, at the node that receives. */
function block(lab: TestLab, node: string, what: string): void {
  lab.run(node, 'nft add table inet wall');
  lab.run(node, 'nft add chain inet wall in { type filter hook prerouting priority -300 ; }');
  lab.run(node, `nft add rule inet wall in iifname eth0 ${what} drop`);
}

const unblock = (lab: TestLab, node: string): string => lab.run(node, 'nft delete table inet wall');

test('a path that a firewall eats is not used, is named, and is used when it is open', async (t) => {
  await withLab({ backend: 'host-gw' }, async (lab) => {
    const [first, second] = lab.plan.nodes.map(({ name }) => name);
    assert.ok(first !== undefined && second !== undefined);
    block(lab, second, 'udp dport 8472');
    const reports = await whilePinging(lab, async () => {
      await lab.edit({ Backend: { Type: 'vxlan' } });
      await until(`${first} says that ${second} does not answer`, async () => {
        const { peers, silentPaths } = await lab.status(first);
        const path = peers.find(({ peer }) => peer === second);
        const isNamed = silentPaths.some((text) => text.includes('vxlan is prepared'));
        return path?.used === 'host-gw' && path.waitsFor === 'vxlan' && isNamed;
      });
      await until('the others have moved', async () => {
        const { peers } = await lab.status(first);
        return peers.every(({ peer, used }) => peer === second || used === 'vxlan');
      });
      await lab.mustReach();
      const openedMs = performance.now();
      unblock(lab, second);
      await lab.settled(({ peers }) => peers.every(({ used }) => used === 'vxlan'), RETRY_MS);
      t.diagnostic(`moved ${(performance.now() - openedMs).toFixed(0)} ms after the wall was gone`);
    });
    assertNothingLost(reports);
    await until('there is an Event PathSilent', async () =>
      (await lab.api.events()).some(({ reason }) => reason === 'PathSilent'),
    );
  });
});

test('auto takes host-gw, leaves it when the segment drops it, and comes back', async (t) => {
  await withLab({ backend: 'auto' }, async (lab) => {
    await lab.settled(({ peers }) => peers.every(({ used }) => used === 'host-gw'));
    await lab.mustReach();
    const [, second] = lab.plan.nodes.map(({ name }) => name);
    assert.ok(second !== undefined);
    // A cloud's port security: only packets of the node's own address pass.
    block(lab, second, 'ip saddr 10.244.0.0/16');
    const droppedMs = performance.now();
    const others = lab.plan.nodes.filter(({ name }) => name !== second);
    for (const { name } of others) {
      await until(`${name} reaches ${second} by vxlan`, async () => {
        const { peers } = await lab.status(name);
        return peers.find(({ peer }) => peer === second)?.used === 'vxlan';
      });
    }
    t.diagnostic(`by vxlan ${(performance.now() - droppedMs).toFixed(0)} ms after the drop`);
    unblock(lab, second);
    await lab.settled(({ peers }) => peers.every(({ used }) => used === 'host-gw'), RETRY_MS);
    await lab.mustReach();
  });
});
