// A node's underlay changes under a running agent: its address, the name of its link, the link
// itself, the default route. Every pair must reach each other again without a restart, and where
// old and new exist side by side nothing may be lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import { familyOf } from '../../src/net/ip.ts';
import { withLab } from './lab.ts';
import {
  addAddresses,
  LINK,
  movedFrom,
  NODE,
  reachesAgain,
  readdressed,
  removeAddresses,
  sayInternalIps,
  untilPeersFollow,
  usesAddresses,
  withoutRestart,
  wordsOf,
} from './node-addresses.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { logOf, untilEvent } from './words.ts';

const KINDS: readonly { readonly backend: 'vxlan' | 'host-gw'; readonly families: Family[] }[] = [
  { backend: 'vxlan', families: [...FAMILIES] },
  { backend: 'host-gw', families: [...FAMILIES] },
];

for (const { backend, families } of KINDS) {
  test(`${backend}: another address beside the old one loses nothing`, async (t) => {
    await withLab({ backend, families }, async (lab) => {
      // Or the kernel takes the other addresses of a network away with its first.
      lab.run(NODE, `sysctl -qw net.ipv4.conf.${LINK}.promote_secondaries=1`);
      const old = lab.node(NODE).addresses;
      const times: number[] = [];
      await withoutRestart(lab, async () => {
        const reports = await whilePinging(lab, async () => {
          let [from, to] = [old, movedFrom(old, 77)];
          for (const order of ['address first', 'InternalIP first', 'address first']) {
            const moved = readdressed(lab, to);
            if (order === 'address first') addAddresses(lab, to);
            await sayInternalIps(lab, to);
            if (order === 'InternalIP first') {
              await lab.untilStatus(NODE, 'keeps what it has', ({ underlay }) =>
                underlay.every(({ chosenBy }) => chosenBy.startsWith('in use before: no link of')),
              );
              addAddresses(lab, to);
            }
            const startedMs = performance.now();
            await lab.untilStatus(NODE, `is at ${to}`, usesAddresses(to));
            times.push(await reachesAgain(moved, startedMs));
            await untilPeersFollow(lab, to, backend);
            removeAddresses(lab, from);
            await moved.mustReach();
            [from, to] = [to, movedFrom(old, 78 + times.length)];
          }
        });
        assertNothingLost(reports);
      });
      t.diagnostic(wordsOf(times));
      const event = await untilEvent(lab, NODE, 'UnderlayKept');
      assert.match(event, /has its InternalIP .*: .* on eth0, which was in use, stays so/);
    });
  });

  test(`${backend}: the old address goes before the new one comes`, async (t) => {
    await withLab({ backend, families }, async (lab) => {
      const times: number[] = [];
      await withoutRestart(lab, async () => {
        let from = lab.node(NODE).addresses;
        for (const isSaidLast of [true, false, true]) {
          const to = movedFrom(from, 80 + times.length);
          removeAddresses(lab, from);
          await lab.untilStatus(NODE, 'has no address', ({ underlay }) => underlay.length === 0);
          if (!isSaidLast) await sayInternalIps(lab, to);
          addAddresses(lab, to);
          if (isSaidLast) await sayInternalIps(lab, to);
          const startedMs = performance.now();
          times.push(await reachesAgain(readdressed(lab, to), startedMs));
          from = to;
        }
      });
      t.diagnostic(wordsOf(times));
      assert.match(logOf(lab, NODE), /has its InternalIP [^"]*: IPv4 is not served here/);
    });
  });

  test(`${backend}: the link is renamed`, async (t) => {
    await withLab({ backend, families }, async (lab) => {
      const times: number[] = [];
      const { addresses } = lab.node(NODE);
      const v6 = addresses.filter((ip) => familyOf(ip) === 'ipv6');
      await withoutRestart(lab, async () => {
        let from = LINK;
        for (const to of ['uplink0', 'wan1', LINK]) {
          lab.run(NODE, `ip link set ${from} down`);
          lab.run(NODE, `ip link set ${from} name ${to}`);
          lab.run(NODE, `ip link set ${to} up`);
          // The kernel takes these away with the link.
          addAddresses(lab, v6, to);
          const startedMs = performance.now();
          times.push(await reachesAgain(lab, startedMs));
          await lab.untilStatus(NODE, `is on ${to}`, usesAddresses(addresses, to));
          from = to;
        }
      });
      t.diagnostic(wordsOf(times));
    });
  });

  test(`${backend}: the link is replaced by another with the same addresses`, async (t) => {
    await withLab({ backend, families }, async (lab) => {
      const times: number[] = [];
      const node = lab.node(NODE);
      const { bridge } = node.segment;
      // IPv6 peers believe for half a minute in the Ethernet address that they have confirmed.
      const mac = lab.run(NODE, `cat /sys/class/net/${LINK}/address`).trim();
      await withoutRestart(lab, async () => {
        for (const to of ['eth1', 'eth1', LINK]) {
          lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'del', NODE]);
          await lab.untilStatus(NODE, 'has no address', ({ underlay }) => underlay.length === 0);
          const words = `ip link add ${NODE} mtu 1500 type veth peer name ${to} address ${mac} netns ${node.netns}`;
          lab.runIn(lab.plan.fabricNetns, words.split(' '));
          lab.runIn(lab.plan.fabricNetns, `ip link set ${NODE} master ${bridge} up`.split(' '));
          lab.run(NODE, `ip link set ${to} up`);
          addAddresses(lab, node.addresses, to);
          const startedMs = performance.now();
          times.push(await reachesAgain(lab, startedMs));
          await lab.untilStatus(NODE, `is on ${to}`, usesAddresses(node.addresses, to));
        }
      });
      t.diagnostic(wordsOf(times));
    });
  });
}

test('host-gw: an address takes the place of another before the Node says so, and nothing is lost', async (t) => {
  const families = [...FAMILIES];
  await withLab({ backend: 'host-gw', families }, async (lab) => {
    lab.run(NODE, `sysctl -qw net.ipv4.conf.${LINK}.promote_secondaries=1`);
    // So that peers go on to believe in the old address while the node has it no more, as they do
    // for half a minute by default.
    for (const { name } of lab.plan.nodes) {
      for (const version of ['ipv4', 'ipv6']) {
        lab.run(name, `sysctl -qw net.${version}.neigh.${LINK}.base_reachable_time_ms=3600000`);
      }
    }
    const from = lab.node(NODE).addresses;
    const to = movedFrom(from, 77);
    const moved = readdressed(lab, to);
    const reports = await whilePinging(lab, async () => {
      addAddresses(lab, to);
      removeAddresses(lab, from);
      await lab.untilStatus(NODE, 'has no address', ({ underlay }) => underlay.length === 0);
      const isNowhere = async ({ name }: { readonly name: string }) =>
        await lab.untilStatus(name, 'keeps the path', ({ peers }) =>
          peers
            .filter(({ peer }) => peer === NODE)
            .every(({ reason }) => /kept until/.test(reason)),
        );
      await Promise.all(lab.plan.nodes.filter(({ name }) => name !== NODE).map(isNowhere));
      await sayInternalIps(lab, to);
      await untilPeersFollow(lab, to, 'host-gw');
      await moved.mustReach();
    });
    assertNothingLost(reports);
    t.diagnostic(`${reports.length} pairs, ${reports[0]?.sent} pings of the first`);
  });
});

const QUESTION = 'default route moves to another link, and peers behind routers are reached by it';

test(`the ${QUESTION}`, async (t) => {
  const families = [...FAMILIES];
  await withLab({ underlay: 'routed', nodeCount: 4, families }, async (lab) => {
    const { addresses, segment, netns } = lab.node(NODE);
    const second = movedFrom(addresses, 88);
    const words = `ip link add second mtu 1500 type veth peer name eth1 netns ${netns}`;
    lab.runIn(lab.plan.fabricNetns, words.split(' '));
    lab.runIn(lab.plan.fabricNetns, `ip link set second master ${segment.bridge} up`.split(' '));
    lab.run(NODE, 'ip link set eth1 up');
    addAddresses(lab, second, 'eth1');
    const times: number[] = [];
    await withoutRestart(lab, async () => {
      for (const link of ['eth1', LINK, 'eth1']) {
        for (const router of segment.routerAddresses) {
          const route = `route replace default via ${router} dev ${link}`;
          lab.run(NODE, familyOf(router) === 'ipv4' ? `ip ${route}` : `ip -6 ${route}`);
        }
        const startedMs = performance.now();
        times.push(await reachesAgain(lab, startedMs));
        assert.match(lab.run(NODE, 'ip route get 192.168.100.11'), new RegExp(`dev ${link} `));
      }
    });
    const { underlay } = await lab.status(NODE);
    assert.ok(
      underlay.every(({ link }) => link === LINK),
      'the InternalIP stays where it was',
    );
    t.diagnostic(wordsOf(times));
  });
});
