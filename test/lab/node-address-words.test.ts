// What an operator says of a node's addresses, by flags and annotations, in a lab: each word counts
// as soon as it is said, and is named in `status`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdvert } from '../../src/cluster/advert.ts';
import type { Ip } from '../../src/net/ip.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import {
  addAddresses,
  movedFrom,
  NODE,
  reachesAgain,
  readdressed,
  removeAddresses,
  untilPeersFollow,
  usesAddresses,
  withoutRestart,
  wordsOf,
} from './node-addresses.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { untilEvent } from './words.ts';

const PREFIX = 'flannel.alpha.coreos.com';
/** Beyond the router, which translates it. */
const PUBLIC = '198.51.100.99' as Ip;

const untilChosenBy = (lab: TestLab, words: string) =>
  lab.untilStatus(NODE, `by ${words}`, ({ underlay }) => underlay[0]?.chosenBy === words);

test('annotations move a node to another of its addresses and back, and nothing is lost', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const old = lab.node(NODE).addresses;
    const to = movedFrom(old, 77);
    addAddresses(lab, to);
    await withoutRestart(lab, async () => {
      const reports = await whilePinging(lab, async () => {
        await lab.api.annotateNode(NODE, { [`${PREFIX}/node-public-ip`]: to[0] ?? null });
        await untilChosenBy(lab, `annotation node-public-ip "${to}"`);
        await untilPeersFollow(lab, to, 'vxlan');
        await lab.mustReach();
        await lab.api.annotateNode(NODE, { [`${PREFIX}/node-public-ip`]: '10.99.99.99' });
        const event = await untilEvent(lab, NODE, 'UnderlayKept');
        assert.match(event, /node-public-ip "10\.99\.99\.99".*192\.168\.100\.77 on eth0/);
        await lab.api.annotateNode(NODE, { [`${PREFIX}/node-public-ip`]: null });
        await untilChosenBy(lab, 'InternalIP');
        await untilPeersFollow(lab, old, 'vxlan');
        await lab.mustReach();
      });
      assertNothingLost(reports);
    });
  });
});

test('public-ip-overwrite: a node is reached by a translated address', async () => {
  await withLab({ nodeCount: 2, backend: 'host-gw' }, async (lab) => {
    const nat = `table ip nat {
      chain before {
        type nat hook prerouting priority dstnat
        ip daddr ${PUBLIC} dnat to ${lab.node(NODE).addresses[0]}
      }
    }`;
    lab.runIn(lab.plan.fabricNetns, ['nft', nat]);
    await lab.api.annotateNode(NODE, { [`${PREFIX}/public-ip-overwrite`]: PUBLIC });
    // Who translates knows nothing of pods, so packets to them have to be wrapped.
    await lab.untilStatus('node1', 'sends by VXLAN', ({ peers }) => peers[0]?.used === 'vxlan');
    await untilPeersFollow(lab, [PUBLIC], 'vxlan');
    const { underlay } = await lab.status(NODE);
    assert.equal(underlay[0]?.publicAddress, PUBLIC);
    assert.equal(underlay[0]?.address, lab.node(NODE).addresses[0]);
    await lab.mustReachWhere(({ from, to }) => from.includes('pod') && to.includes('pod'));
    const { metadata } = await lab.api.readNode(NODE);
    const advert = parseAdvert(metadata?.annotations?.[ADVERT_ANNOTATION] ?? '');
    assert.deepEqual(advert.kind === 'ok' && advert.advert.underlay, [PUBLIC]);
  });
});

test('with etcd, the link to an address that is named is followed to its next address', async (t) => {
  const environment = { POPLIN_IFACE: 'wan0', POPLIN_IFACE_CAN_REACH: '192.168.100.1' };
  await withLab({ nodeCount: 2, datastore: 'etcd', environment }, async (lab) => {
    await untilChosenBy(lab, '--iface-can-reach "192.168.100.1"');
    const times: number[] = [];
    await withoutRestart(lab, async () => {
      let from = lab.node(NODE).addresses;
      for (const host of [81, 82, 83]) {
        const to = movedFrom(from, host);
        removeAddresses(lab, from);
        addAddresses(lab, to);
        const startedMs = performance.now();
        times.push(await reachesAgain(readdressed(lab, to), startedMs));
        await lab.untilStatus(NODE, `is at ${to}`, usesAddresses(to));
        from = to;
      }
    });
    t.diagnostic(wordsOf(times));
  });
});
