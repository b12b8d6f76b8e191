// A hop between the nodes that takes less than both ends believe and drops the rest without a word
// (a black hole of path MTU discovery): probes find what it takes, TCP of full segments works from
// then on, also over a restart of the agent, and all is as before when the hop takes all again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { untilEvent } from './words.ts';

const HOP_BYTES = 1400;
const BELIEVED_BYTES = 1500;
const IPV6_HEADER_BYTES = 40;
/** Of ping: IPv4's or IPv6's, and ICMP's. */
const PING_HEADER_BYTES = { ipv4: 28, ipv6: 48 } as const;
const OVERHEAD_BYTES = { ipv4: 50, ipv6: 70 } as const;
/** The search takes some ten seconds; what has grown is asked for each 15 s. */
const FIND_MS = 120_000;

const inFabric = (lab: TestLab, words: string): string =>
  lab.runIn(lab.plan.fabricNetns, words.split(' '));

/**
 * The bridge that joins the nodes drops what is larger, in both directions. The nodes cut their
 * segments themselves: what a network card would cut is one large packet on a veth.
 */
function narrow(lab: TestLab): void {
  for (const { name } of lab.plan.nodes) lab.run(name, 'ip link set eth0 gso_max_segs 1');
  inFabric(lab, 'nft add table bridge hop');
  inFabric(lab, 'nft add chain bridge hop forward { type filter hook forward priority 0 ; }');
  const rule = 'nft add rule bridge hop forward';
  inFabric(lab, `${rule} ip length > ${HOP_BYTES} counter drop`);
  inFabric(lab, `${rule} ip6 length > ${HOP_BYTES - IPV6_HEADER_BYTES} counter drop`);
}

const widen = (lab: TestLab): string => inFabric(lab, 'nft delete table bridge hop');

const routesToPeers = (lab: TestLab, node: string): string =>
  ['-4', '-6']
    .flatMap((family) => lab.run(node, `ip ${family} route show proto 113`).split('\n'))
    .filter((line) => line.includes('nhid'))
    .join('\n');

/**
 * Each pod from each other one on another node, by streams of many full segments: tried again where
 * the machine was too busy for one, which is broken for ever where the hop eats its segments.
 */
async function streamsAreWhole(lab: TestLab): Promise<void> {
  await lab.mustReachWhere(({ from, to, protocol }) => {
    const arePods = from.includes('-') && to.includes('-');
    return protocol === 'tcp' && arePods && from.split('-')[0] !== to.split('-')[0];
  });
}

const isFound = ({ peers }: Status): boolean =>
  peers.every(({ family, used, mtu }) => {
    const overheadBytes = used === 'vxlan' ? OVERHEAD_BYTES[family] : 0;
    const foundBytes = HOP_BYTES - overheadBytes;
    return mtu?.foundBytes === foundBytes && mtu.believedBytes === BELIEVED_BYTES - overheadBytes;
  });

for (const backend of ['vxlan', 'host-gw'] as const) {
  test(`a hop that drops large packets is found under ${backend}, and that it is gone`, async (t) => {
    await withLab({ backend, families: ['ipv4', 'ipv6'], nodeCount: 2 }, async (lab) => {
      const [first] = lab.plan.nodes.map(({ name }) => name);
      const [from, to] = lab.plan.pods.map(({ name }) => name);
      assert.ok(first !== undefined && from !== undefined && to !== undefined);
      await streamsAreWhole(lab);
      narrow(lab);
      const narrowedMs = performance.now();
      await lab.settled(isFound, FIND_MS);
      t.diagnostic(`found ${(performance.now() - narrowedMs).toFixed(0)} ms after it was there`);
      await streamsAreWhole(lab);
      for (const family of ['ipv4', 'ipv6'] as const) {
        const bytes = HOP_BYTES - (backend === 'vxlan' ? OVERHEAD_BYTES[family] : 0);
        const ping = (packetBytes: number): string => {
          const size = packetBytes - PING_HEADER_BYTES[family];
          return lab.run(from, `ping -c 1 -W 5 -M do -s ${size} ${lab.podAddress(to, family)}`);
        };
        assert.match(ping(bytes), /1 received/);
        // Told by the pod's own node how much it may send, and not met with silence.
        assert.throws(() => ping(bytes + 1), /too big|too long|Frag needed|mtu/i);
      }
      assert.match(await untilEvent(lab, first, 'PathMtuSmall'), /takes packets of 13\d\d|of 1400/);

      // What was found outlives the agent that found it.
      const before = routesToPeers(lab, first);
      assert.match(before, /mtu 1[34]\d\d/);
      await lab.endAgent(first, 'SIGTERM');
      lab.startAgent(first);
      await lab.untilStatus(first, 'works again', ({ reconcile }) => reconcile.passes > 1);
      assert.equal(routesToPeers(lab, first), before);
      await streamsAreWhole(lab);

      // It is about the underlay: the next backend begins with it.
      const next = backend === 'vxlan' ? 'host-gw' : 'vxlan';
      await lab.edit({ Backend: { Type: next } });
      const hasMoved = ({ peers }: Status): boolean => peers.every(({ used }) => used === next);
      await lab.settled((status) => hasMoved(status) && isFound(status), FIND_MS);
      await streamsAreWhole(lab);

      widen(lab);
      const widenedMs = performance.now();
      await lab.settled(({ peers }) => peers.every(({ mtu }) => mtu === undefined), FIND_MS);
      t.diagnostic(`gone ${(performance.now() - widenedMs).toFixed(0)} ms after the hop was`);
      await until('the routes are as before', () => !/mtu/.test(routesToPeers(lab, first)));
      await streamsAreWhole(lab);
    });
  });
}
